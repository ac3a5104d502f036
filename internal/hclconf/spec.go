package hclconf

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"

	"unibus/config/schema"
)

// spec is what a block may hold, read once from the tags of its struct.
type spec struct {
	typ     reflect.Type
	visible []reflect.StructField
	label   []int // index of the field for the label; nil when the block has none
	attrs   map[string]*attrSpec
	blocks  map[string]*blockSpec
	order   []string // the names of attrs and blocks as they stand in the struct
	// inherits tells that the settings of nodes may stand here for the nodes inside.
	inherits bool
	proto    reflect.Value // what stands where nothing is written
}

type attrSpec struct {
	name     string
	index    []int
	typ      reflect.Type
	required bool
	def      string
	example  string
	oneof    []string
	min, max *int64 // in bytes or nanoseconds, where the type has a unit
	item     bool   // one of a list
}

// show is a number as the file would write it.
func (a *attrSpec) show(n int64) string {
	switch structOf(a.typ) {
	case reflect.TypeFor[schema.Duration]():
		return schema.Duration(n).String()
	case reflect.TypeFor[schema.Size]():
		return schema.Size(n).String()
	}
	return strconv.FormatInt(n, 10)
}

// secret tells whether the value must never be shown.
func (a *attrSpec) secret() bool { return a.typ == reflect.TypeFor[schema.Secret]() }

type blockSpec struct {
	name  string
	index []int
	elem  *spec
	many  bool
	free  bool // the attributes have any name
}

var (
	settingsType = reflect.TypeFor[schema.Settings]()
	nodeType     = reflect.TypeFor[schema.Node]()
	specs        sync.Map // reflect.Type to *spec, a memo of a pure function
	shapes       sync.Map // reflect.Type to *shape, likewise
)

// specOf is the spec of a struct of the schema.
func specOf(t reflect.Type) *spec {
	if s, ok := specs.Load(t); ok {
		return s.(*spec)
	}
	s := &spec{typ: t, visible: reflect.VisibleFields(t), attrs: map[string]*attrSpec{}, blocks: map[string]*blockSpec{}, proto: reflect.New(t).Elem()}
	for _, f := range s.visible {
		tag, ok := f.Tag.Lookup("hcl")
		if !ok {
			continue
		}
		name, kind, _ := strings.Cut(tag, ",")
		switch kind {
		case "label":
			s.label = f.Index
			continue
		case "block", "attrs":
			b := &blockSpec{name: name, index: f.Index, many: f.Type.Kind() == reflect.Slice, free: kind == "attrs"}
			if !b.free {
				b.elem = specOf(structOf(f.Type))
				s.inherits = s.inherits || b.elem.inherits || b.elem.typ == nodeType
				if f.Type.Kind() == reflect.Struct {
					s.proto.FieldByIndex(f.Index).Set(b.elem.proto)
				}
			}
			s.blocks[name] = b
		default:
			s.attrs[name] = &attrSpec{
				name: name, index: f.Index, typ: f.Type, required: kind == "", def: f.Tag.Get("default"),
				example: f.Tag.Get("example"), oneof: strings.Fields(f.Tag.Get("oneof")), min: bound(f.Tag, "min"), max: bound(f.Tag, "max"),
			}
			setDefault(s.proto.FieldByIndex(f.Index), s.attrs[name])
		}
		s.order = append(s.order, name)
	}
	specs.Store(t, s)
	return s
}

// bound is a limit from a tag, or nil.
func bound(tag reflect.StructTag, name string) *int64 {
	n, err := strconv.ParseInt(tag.Get(name), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}

// setDefault sets a field to the default of its tag. A default that cannot be read is a mistake in the schema, which its
// tests find.
func setDefault(f reflect.Value, a *attrSpec) {
	if a.def == "" {
		return
	}
	var err error
	switch p := f.Addr().Interface().(type) {
	case *string:
		*p = a.def
	case *bool:
		*p, err = strconv.ParseBool(a.def)
	case *int:
		*p, err = strconv.Atoi(a.def)
	case *schema.Duration:
		*p, err = schema.ParseDuration(a.def)
	case *schema.Size:
		*p, err = schema.ParseSize(a.def)
	default:
		err = fmt.Errorf("no default for %s", f.Type())
	}
	if err != nil {
		panic(fmt.Sprintf("schema: default of %s: %v", a.name, err))
	}
}

// structOf is the struct behind a pointer or a slice of pointers.
func structOf(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	return t
}

// shape is what one body may hold: the union of some specs.
type shape struct {
	attrs  map[string]*attrSpec
	blocks map[string]*blockSpec
	names  []string // all words that may stand in the body
	schema *hcl.BodySchema
}

// shapeOf is the shape of a body that is decoded into the given structs. Where nodes stand inside, their settings may
// stand too.
func shapeOf(targets []reflect.Value) *shape {
	if len(targets) == 1 {
		if sh, ok := shapes.Load(targets[0].Type()); ok {
			return sh.(*shape)
		}
	}
	sh := newShape(targets)
	if len(targets) == 1 {
		shapes.Store(targets[0].Type(), sh)
	}
	return sh
}

func newShape(targets []reflect.Value) *shape {
	sh := &shape{attrs: map[string]*attrSpec{}, blocks: map[string]*blockSpec{}, schema: &hcl.BodySchema{}}
	var all []*spec
	inherits := false
	for _, t := range targets {
		s := specOf(t.Type())
		all = append(all, s)
		inherits = inherits || s.inherits
	}
	if inherits {
		all = append(all, specOf(settingsType))
	}
	for _, s := range all {
		sh.names = append(sh.names, s.order...)
		for _, name := range s.order {
			if a := s.attrs[name]; a != nil {
				sh.attrs[name] = a
				sh.schema.Attributes = append(sh.schema.Attributes, hcl.AttributeSchema{Name: name})
				continue
			}
			b := s.blocks[name]
			sh.blocks[name] = b
			sh.schema.Blocks = append(sh.schema.Blocks, b.header())
		}
	}
	return sh
}

// header is the block in the library's terms.
func (b *blockSpec) header() hcl.BlockHeaderSchema {
	h := hcl.BlockHeaderSchema{Type: b.name}
	if b.labelled() {
		h.LabelNames = []string{"name"}
	}
	return h
}

func (b *blockSpec) labelled() bool { return b.elem != nil && b.elem.label != nil }

// kind is a block of the language.
type kind struct {
	name string
	spec *spec
}

// kinds are all blocks of the language, from the outside inwards. Blocks of one name that differ by where they stand, such
// as jetstream, are all there.
var kinds = sync.OnceValue(func() []kind {
	var all []kind
	var add func(*spec)
	add = func(s *spec) {
		for _, name := range s.order {
			if b := s.blocks[name]; b != nil && b.elem != nil && !slices.Contains(all, kind{name, b.elem}) {
				all = append(all, kind{name, b.elem})
				add(b.elem)
			}
		}
	}
	add(specOf(reflect.TypeFor[schema.Topology]()))
	return all
})

// allSpecs are the specs of all blocks of the language by their type, the outermost where there are several.
func allSpecs() map[string]*spec {
	all := map[string]*spec{}
	for _, k := range kinds() {
		if all[k.name] == nil {
			all[k.name] = k.spec
		}
	}
	return all
}
