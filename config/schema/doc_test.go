package schema

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEverythingIsDocumented makes sure that the reference has a text, a class and an example for all there is.
func TestEverythingIsDocumented(t *testing.T) {
	docs := Docs()
	classes := []string{"live", "restart", "data", "never"}
	seen := map[reflect.Type]bool{}
	var walk func(reflect.Type)
	walk = func(s reflect.Type) {
		for s.Kind() == reflect.Pointer || s.Kind() == reflect.Slice {
			s = s.Elem()
		}
		if s.Kind() != reflect.Struct || seen[s] || s == reflect.TypeFor[Secret]() {
			return
		}
		seen[s] = true
		if !strings.HasPrefix(docs[s.Name()], s.Name()+" ") {
			t.Errorf("the comment of %s is %q", s.Name(), docs[s.Name()])
		}
		for i := range s.NumField() {
			f := s.Field(i)
			walk(f.Type)
			tag, ok := f.Tag.Lookup("hcl")
			if !ok {
				continue
			}
			name := s.Name() + "." + f.Name
			if doc := docs[name]; !strings.HasPrefix(doc, f.Name+" ") || !strings.HasSuffix(doc, ".") {
				t.Errorf("the comment of %s is %q", name, doc)
			}
			_, kind, _ := strings.Cut(tag, ",")
			if kind != "block" && kind != "attrs" && f.Tag.Get("example") == "" {
				t.Errorf("%s has no example", name)
			}
			if class := f.Tag.Get("change"); kind != "block" && !slices.Contains(classes, class) {
				t.Errorf("%s has the class %q", name, class)
			}
		}
	}
	walk(reflect.TypeFor[Topology]())
	if len(seen) < 20 {
		t.Errorf("only %d blocks", len(seen))
	}
}
