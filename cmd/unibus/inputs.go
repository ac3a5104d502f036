package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// inDirectory tells the files that are taken from a directory. A file that is named may be called anything.
func inDirectory(name string) bool {
	return !strings.HasPrefix(name, ".") && (strings.HasSuffix(name, ".hcl") || strings.HasSuffix(name, ".hcl.json"))
}

// inputs are the files that arguments mean: directories are replaced by what is in them, at any depth where that is
// asked for, in the order of the names. Nothing is left out silently: a directory without a file is an error.
func inputs(args []string, recursive bool) ([]string, error) {
	var all []string
	for _, arg := range args {
		if info, err := os.Stat(arg); arg == "" || arg == "-" || err != nil || !info.IsDir() {
			all = append(all, arg)
			continue
		}
		found, err := walk(arg, recursive)
		if err != nil {
			return nil, &exit{code: exitNoInput, err: err}
		}
		if len(found) == 0 {
			return nil, &exit{code: exitNoInput, err: fmt.Errorf("no *.hcl or *.hcl.json in directory %s", arg), try: "name the file itself, whatever it is called"}
		}
		all = append(all, found...)
	}
	if slices.Index(all, "-") != lastIndex(all, "-") {
		return nil, fmt.Errorf("standard input can be read only once")
	}
	return all, nil
}

func walk(dir string, recursive bool) ([]string, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != dir && (!recursive || strings.HasPrefix(d.Name(), ".")):
			return fs.SkipDir
		case !d.IsDir() && inDirectory(d.Name()):
			found = append(found, path)
		}
		return nil
	})
	return found, err
}

func lastIndex(all []string, s string) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i] == s {
			return i
		}
	}
	return -1
}
