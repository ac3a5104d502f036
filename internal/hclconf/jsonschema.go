package hclconf

import (
	"encoding/json"
	"strconv"
	"strings"

	"unibus/config/schema"
)

// object is a part of a JSON Schema.
type object = map[string]any

// expression is a string that is evaluated, which may stand wherever a value may.
var expression = object{"$ref": "#/$defs/expression"}

// JSONSchema is the JSON Schema (draft 2020-12) of the JSON form of the language, for editors and generators. It knows
// words, types and ranges; what needs more than one value only `unibus validate` knows.
func JSONSchema() ([]byte, error) {
	docs := schema.Docs()
	defs := object{
		"expression": object{"type": "string", "pattern": `\$\{`, "description": "A template such as ${local.name}."},
		"duration":   object{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^[0-9]+d$|^0$`},
		"size": object{"anyOf": []object{
			{"type": "integer", "minimum": 0}, {"type": "string", "pattern": `^[0-9]{1,19}(\.[0-9]{1,9})? ?([KMGT]i?B|B)?$`},
		}},
		"names": object{"description": "Freely named values.", "type": "object"},
	}
	all := sections()
	for _, s := range all {
		defs[s.key()] = s.schema(docs)
	}
	root := object{
		"$schema":     "https://json-schema.org/draft/2020-12/schema",
		"title":       "unibus",
		"description": "The JSON form of the unibus language.",
		"type":        "object",
		"properties": object{
			"//":           true,
			"locals":       listOf(object{"$ref": "#/$defs/names"}),
			"cluster":      labelled(object{"$ref": "#/$defs/cluster"}, 1),
			"supercluster": labelled(object{"$ref": "#/$defs/supercluster"}, 1),
		},
		"oneOf":                []object{{"required": []string{"cluster"}}, {"required": []string{"supercluster"}}},
		"additionalProperties": false,
		"$defs":                defs,
	}
	return json.MarshalIndent(root, "", "  ")
}

// key is the name of the definition of a section.
func (s *section) key() string {
	return strings.ReplaceAll(strings.ReplaceAll(s.title, ", ", "_"), " ", "_")
}

func ref(s *section) object { return object{"$ref": "#/$defs/" + s.key()} }

// schema is the body of a block.
func (s *section) schema(docs map[string]string) object {
	properties := object{"//": true}
	required := []string{}
	for _, d := range s.entries {
		properties[d.name] = d.schema()
		if d.attr != nil && d.attr.required && !s.settings {
			required = append(required, d.name)
		}
	}
	return object{
		"type": "object", "description": s.doc(docs), "properties": properties, "required": required, "additionalProperties": false,
	}
}

func (d entry) schema() object {
	var o object
	switch {
	case d.block != nil && d.inner == nil:
		o = listOf(object{"$ref": "#/$defs/names"})
	case d.block != nil && d.inner.label != "":
		o = labelled(ref(d.inner), 0)
	case d.block != nil && d.block.many:
		o = listOf(ref(d.inner))
	case d.block != nil:
		o = object{"anyOf": []object{ref(d.inner), {"type": "array", "items": ref(d.inner), "maxItems": 1}}}
	default:
		o = d.attr.schema()
		o["examples"] = []any{d.attr.json(d.field.Tag.Get("example"))}
		if d.attr.def != "" {
			o["default"] = d.attr.json(d.attr.def)
		}
	}
	o["description"] = d.doc
	if class := d.field.Tag.Get("change"); class != "" {
		o["x-change"] = class
	}
	return o
}

// schema is the value of an argument: of its type, or a template.
func (a *attrSpec) schema() object {
	value := object{"type": "string"}
	switch a.kind() {
	case "bool":
		value = object{"type": "boolean"}
	case "number":
		value = object{"type": "integer"}
		if a.min != nil {
			value["minimum"] = *a.min
		}
		if a.max != nil {
			value["maximum"] = *a.max
		}
	case "duration", "size":
		value = object{"$ref": "#/$defs/" + a.kind()}
	case "list of strings":
		value = object{"type": "array", "items": object{"anyOf": []object{a.word(), expression}}}
	case "map of strings":
		value = object{"type": "object", "additionalProperties": object{"type": "string"}}
	case "string":
		value = a.word()
	}
	choices := []object{value, expression}
	if !a.required {
		choices = append(choices, object{"type": "null"})
	}
	return object{"anyOf": choices}
}

// word is one string of an argument.
func (a *attrSpec) word() object {
	if len(a.oneof) > 0 {
		return object{"enum": a.oneof}
	}
	return object{"type": "string"}
}

// json is the text of a tag as a JSON value.
func (a *attrSpec) json(text string) any {
	switch a.kind() {
	case "bool":
		return text == "true"
	case "number":
		n, _ := strconv.Atoi(text)
		return n
	case "secret":
		return "${" + text + "}"
	case "list of strings":
		return strings.Fields(text)
	case "map of strings":
		m := object{}
		for _, s := range strings.Fields(text) {
			k, v, _ := strings.Cut(s, "=")
			m[k] = v
		}
		return m
	}
	return text
}

// listOf is one of something, or a list of them.
func listOf(one object) object {
	return object{"anyOf": []object{one, {"type": "array", "items": one}}}
}

// labelled is a block with a label: an object with the labels as names, or a list of such objects. Where a limit is given
// there may be no more labels.
func labelled(body object, limit int) object {
	one := object{"type": "object", "additionalProperties": listOf(body), "minProperties": 1}
	if limit > 0 {
		one["maxProperties"] = limit
	}
	return listOf(one)
}
