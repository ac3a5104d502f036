package schema

import (
	"embed"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

//go:embed schema.go asset.go
var source embed.FS

// Docs are the doc comments of the blocks and of what they hold, as plain text: by the name of the type, such as Bucket,
// and of the field, such as Bucket.Replicas.
func Docs() map[string]string {
	docs := map[string]string{}
	for _, name := range []string{"schema.go", "asset.go"} {
		file, err := source.Open(name)
		if err != nil {
			panic(err) // it is embedded
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, file, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			panic(err) // the compiler has read the same file
		}
		for _, d := range f.Decls {
			if g, ok := d.(*ast.GenDecl); ok && g.Tok == token.TYPE {
				collect(docs, g)
			}
		}
	}
	return docs
}

// collect adds the comments of one type.
func collect(docs map[string]string, d *ast.GenDecl) {
	t := d.Specs[0].(*ast.TypeSpec)
	docs[t.Name.Name] = text(d.Doc)
	s, ok := t.Type.(*ast.StructType)
	if !ok {
		return
	}
	for _, field := range s.Fields.List {
		for _, name := range field.Names {
			docs[t.Name.Name+"."+name.Name] = text(field.Doc)
		}
	}
}

func text(c *ast.CommentGroup) string { return strings.Join(strings.Fields(c.Text()), " ") }
