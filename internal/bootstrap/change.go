package bootstrap

import (
	"fmt"
	"slices"
)

// Class is what applying a change would do.
type Class string

// The classes of changes.
const (
	// Safe changes are applied as soon as they are seen.
	Safe Class = "safe"
	// LosesData changes delete stored data, or may. They are applied only where the asset says allow_data_loss = true.
	LosesData Class = "loses data"
	// Immutable changes are refused by nats-server while the asset lives. They are never tried.
	Immutable Class = "immutable"
)

// Change is one declared setting that differs from the live one.
type Change struct {
	// Field is the setting under its name in the file, such as "history" or "placement.tags".
	Field string
	// Old is the live value and New the declared one, in the notation of the file.
	Old, New string
	// Class tells whether the change may be made.
	Class Class
	// Hint is what to do where the change cannot be made; "" for a safe one.
	Hint string
	// At points to the declared field in the schema, such as &bucket.History, for which the loader knows the line.
	At any `json:"-"`

	foreign bool // what is there is not the declared asset at all
	step    step
}

// String is the change in one line: `history 10 → 5`.
func (c Change) String() string { return fmt.Sprintf("%s %s → %s", c.Field, c.Old, c.New) }

func (c Change) mayBeMade(allowLoss bool) bool {
	return c.Class == Safe || c.Class == LosesData && allowLoss
}

// held are the changes that are not made.
func held(changes []Change, allowLoss bool) []Change {
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.mayBeMade(allowLoss) })
}

// lines are the changes of some steps that may be made, in one line each.
func lines(changes []Change, allowLoss bool, steps ...step) []string {
	var all []string
	for _, c := range changes {
		if slices.Contains(steps, c.step) && c.mayBeMade(allowLoss) {
			all = append(all, c.String())
		}
	}
	return all
}
