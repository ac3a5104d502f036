// Command bench measures unibus against the stock nats-server of the same version, built from its module, and reading a
// file against parsing it. Both sides of a comparison run in turn in one run on one machine, and what is reported are
// ratios: absolute numbers say more about the machine.
//
// A full run writes bench/RESULTS.md. Traffic stays on the loopback interface; processes and directories are removed at
// the end, also after Ctrl-C.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal kills
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// section is one group of measurements.
type section struct {
	name, title string
	measure     func(context.Context, *rig, scale) ([]row, error)
	notes       string // how it was measured
}

var sections = []section{
	{"start", "Cold start", measureStart, startNotes},
	{"super", "Supercluster", measureSuper, superNotes},
	{"load", "Load", measureLoad, loadNotes},
	{"memory", "Idle memory", measureMemory, memoryNotes},
	{"idle", "Idle cost of the collector", measureIdle, idleNotes},
	{"reload", "Reload", measureReload, reloadNotes},
	{"validate", "Validation", measureValidate, validateNotes},
	{"assets", "Many assets", measureAssets, assetsNotes},
	{"view", "The snapshot", measureView, viewNotes},
}

// scale is how much is measured.
type scale struct {
	starts  int           // cold starts of each kind
	supers  int           // cold starts of a supercluster of each kind
	rounds  int           // fresh clusters for load
	turns   int           // measurements of each load on one cluster
	turn    time.Duration // one of them
	idle    int           // fresh clusters for memory and for the collector
	seconds int           // for which the collector is measured
	settle  time.Duration // before memory is read
	reloads int           // of a running cluster
	nodes   int           // in the large file
	buckets int           // in the large file
	assets  int           // declared at once
	loads   int           // times a file is read
	looks   int           // times the snapshot is measured
}

var (
	full  = scale{starts: 21, supers: 5, rounds: 8, turns: 10, turn: time.Second / 2, idle: 4, settle: 20 * time.Second, seconds: 60, reloads: 120, nodes: 1000, buckets: 10_000, assets: 1000, loads: 9, looks: 5}
	quick = scale{starts: 1, supers: 1, rounds: 1, turns: 1, turn: 100 * time.Millisecond, idle: 1, settle: time.Second, seconds: 1, reloads: 2, nodes: 20, buckets: 200, assets: 20, loads: 1, looks: 1}
)

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	only := flags.String("only", "", "measure only these sections, separated by commas: start, super, load, memory, idle, reload, validate, view, assets")
	short := flags.Bool("quick", false, "measure next to nothing, to see that it works")
	out := flags.String("o", "", "write the results to this file (a full run: bench/RESULTS.md)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("there is nothing to do with %q", flags.Args())
	}
	chosen, err := choose(*only)
	if err != nil {
		return err
	}
	s := full
	if *short {
		s = quick
	} else if *only == "" && *out == "" {
		*out = filepath.Join("bench", "RESULTS.md")
	}
	r, err := newRig(ctx, stderr)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	return report(ctx, r, s, chosen, *out, stdout)
}

// choose finds the sections of a list of names; the empty list is all.
func choose(names string) ([]section, error) {
	if names == "" {
		return sections, nil
	}
	var chosen []section
	for name := range strings.SplitSeq(names, ",") {
		i := slices.IndexFunc(sections, func(s section) bool { return s.name == name })
		if i < 0 {
			return nil, fmt.Errorf("there is no section %q", name)
		}
		chosen = append(chosen, sections[i])
	}
	return chosen, nil
}

// report measures, prints each table when it is complete, and writes the file last.
func report(ctx context.Context, r *rig, s scale, chosen []section, out string, stdout io.Writer) error {
	head, err := r.machine(ctx)
	if err != nil {
		return err
	}
	before, err := readCPU()
	if err != nil {
		return err
	}
	var tables strings.Builder
	for _, sec := range chosen {
		rows, err := sec.measure(ctx, r, s)
		if err != nil {
			return fmt.Errorf("%s: %w", sec.name, err)
		}
		fmt.Fprintf(stdout, "\n%s\n\n%s\n", sec.title, render(rows, false))
		fmt.Fprintf(&tables, "\n## %s\n\n%s\n\n%s\n", sec.title, sec.notes, render(rows, true))
	}
	after, err := readCPU()
	if err != nil {
		return err
	}
	head += fmt.Sprintf("- other programs took %.0f %% of the CPUs in the meantime\n", 100*after.others(before))
	fmt.Fprintf(stdout, "\n%s", head)
	if out == "" {
		return nil
	}
	return os.WriteFile(out, []byte(head+tables.String()), 0o644)
}
