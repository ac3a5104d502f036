package plan

// Worst is the class that takes the most.
func Worst(classes ...Class) Class {
	c := None
	for _, other := range classes {
		c = worse(c, other)
	}
	return c
}
