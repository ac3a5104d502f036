package node

import (
	"os"
	"path/filepath"
)

// pending is a file that is renamed when it is whole. Windows has no atomic replacement that survives a power cut.
type pending struct {
	*os.File
	name string
}

func newPending(name string) (*pending, error) {
	f, err := os.CreateTemp(filepath.Dir(name), ".unibus")
	if err != nil {
		return nil, err
	}
	return &pending{f, name}, nil
}

// Cleanup removes what was not put in place.
func (p *pending) Cleanup() error {
	_ = p.Close()
	return os.Remove(p.Name())
}

// CloseAtomicallyReplace puts the file in place.
func (p *pending) CloseAtomicallyReplace() error {
	if err := p.Close(); err != nil {
		return err
	}
	return os.Rename(p.Name(), p.name)
}
