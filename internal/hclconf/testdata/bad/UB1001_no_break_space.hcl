cluster "c" {
  insecure = true # want@11 `UB1001: this character is not used within the language` try `a plain space, or nothing; it looks like another character than it is`
}
