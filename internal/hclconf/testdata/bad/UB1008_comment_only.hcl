# nothing # want@1 `UB1008: the file has no cluster block`
