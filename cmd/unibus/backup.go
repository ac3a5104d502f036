package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"

	"unibus/internal/api"
	"unibus/internal/backup"
)

// answerLimit is how long the daemon may take to say what there is. The data itself may take as long as it takes.
const answerLimit = 30 * time.Second

func (a *app) backupCommand() *cobra.Command {
	var keep int
	var output string
	cmd := &cobra.Command{
		Use:   "backup DIR [ASSET]…",
		Short: "Save the declared assets, or some of them, into a directory",
		Long: `Save the data of every declared bucket, stream and object store, or of those that are named, into a new directory in DIR.
It is taken from the running cluster through the daemon on this host, with its consumers, while everybody goes on; each
asset is as it was at one moment, and the moments differ. nats-server checks every message on the way.

The backup appears under its name (unibus-TIME) when it is whole and on disk. What is kept in memory, and mirrors, are left
out, and named. Certificates, secrets and the file itself are not in it; the data is, in clear, so mind who reads DIR.

Exit status: 0 saved, 1 not, 64 usage, 69 no daemon answers, 77 no permission.`,
		Example: `  unibus backup /var/backups/unibus --keep 7
  unibus backup . UNIBUS_rooms
  unibus backup verify /var/backups/unibus/unibus-20260102T030405.000Z`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(output); err != nil {
				return err
			}
			if cmd.Flags().Changed("keep") && keep < 1 {
				return errors.New("--keep is how many backups stay, at least 1")
			}
			return a.backup(cmd.Context(), args[0], args[1:], keep, output)
		},
	}
	cmd.Flags().IntVar(&keep, "keep", 0, "afterwards remove all backups of this cluster in DIR but the newest so many")
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	cmd.AddCommand(a.backupVerifyCommand())
	return cmd
}

func (a *app) backupVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "verify BACKUP…",
		Short: "Read backups and say which files are not as they were written",
		Long: `Read every file of the backups and compare it with what was written. No daemon is needed.

Exit status: 0 all are as they were written, 1 one is not, 64 usage.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			var bad error
			for _, path := range args {
				if err := backup.Verify(path); err != nil {
					bad = errors.Join(bad, err)
					continue
				}
				fmt.Fprintf(a.stdout, "%s: as it was written\n", path)
			}
			if bad != nil {
				return &exit{code: exitInvalid, err: bad, try: "another backup; this one cannot be restored"}
			}
			return nil
		},
	}
}

func textOrJSON(output string) error {
	if output != "text" && output != "json" {
		return fmt.Errorf("-o is text or json, not %q", output)
	}
	return nil
}

// saved is what comes out of a backup.
type saved struct {
	Path string `json:"path"`
	backup.Manifest
	Removed []string `json:"removed"`
}

func (a *app) backup(ctx context.Context, dir string, names []string, keep int, output string) error {
	c, err := a.client()
	if err != nil {
		return err
	}
	c.Timeout = answerLimit
	assets, cluster, err := assetsOf(ctx, c, names)
	if err != nil {
		return err
	}
	w, err := backup.Create(dir, cluster, versions().Unibus, time.Now())
	if err != nil {
		return &exit{code: exitInvalid, err: err}
	}
	s := saved{Removed: []string{}}
	if err = a.fill(ctx, c, w, assets, len(names) > 0); err == nil {
		s.Path, s.Manifest, err = w.Commit()
	}
	if err != nil {
		return &exit{code: exitInvalid, err: errors.Join(broken(ctx, err), w.Abort())}
	}
	if keep > 0 {
		removed, err := backup.Keep(dir, cluster, keep, time.Now())
		s.Removed = append(s.Removed, removed...)
		if err != nil {
			return &exit{code: exitInvalid, err: fmt.Errorf("%s is saved, but an older one cannot be removed: %w", s.Path, err)}
		}
	}
	if output == "json" {
		return json.NewEncoder(a.stdout).Encode(s)
	}
	fmt.Fprintln(a.stdout, s.Path)
	return nil
}

// assetsOf are the declared assets with these names, or all, and the name of the whole.
func assetsOf(ctx context.Context, c *api.Client, names []string) ([]api.Stored, string, error) {
	all, err := c.Stored(ctx)
	if err != nil {
		return nil, "", unanswered(err)
	}
	status, err := c.Status(ctx)
	if err != nil {
		return nil, "", unanswered(err)
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(s api.Stored) bool { return s.Name == name }) {
			return nil, "", &exit{code: exitInvalid, err: fmt.Errorf("the file declares no bucket, stream or object store %q", name), try: "unibus status shows them"}
		}
	}
	return slices.DeleteFunc(all, func(s api.Stored) bool { return len(names) > 0 && !slices.Contains(names, s.Name) }), status.Cluster, nil
}

// fill saves one asset after the other. One that was asked for by name must not be left out.
func (a *app) fill(ctx context.Context, c *api.Client, w *backup.Writer, assets []api.Stored, named bool) error {
	for _, s := range assets {
		what := fmt.Sprintf("%s %s of account %s", s.Kind, s.Name, s.Account)
		if s.Excluded != "" {
			if named {
				return fmt.Errorf("%s: %s", what, s.Excluded)
			}
			w.LeaveOut(backup.LeftOut{Kind: s.Kind, Account: s.Account, Name: s.Name, Reason: s.Excluded})
			fmt.Fprintf(a.stderr, "%s is left out: %s\n", what, s.Excluded)
			continue
		}
		done, err := w.Add(backup.Stream{Kind: s.Kind, Account: s.Account, Name: s.Name, Stream: s.Stream, Messages: s.Messages}, func(to io.Writer, into *backup.Stream) error {
			p := a.progress(what)
			defer p.end()
			head, err := c.Snapshot(ctx, s.Account, s.Stream, io.MultiWriter(to, p))
			if err == nil {
				into.Config, into.State = head.Config, head.State
				var st state
				st, err = stateOf(head.State)
				into.Messages = st.Messages
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		a.note("%s: %s, %s\n", what, count(int(done.Messages), "message"), bytesText(done.Bytes))
	}
	return nil
}

// broken is why a transfer has ended early, where that was no wish of ours.
func broken(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("interrupted")
	}
	return err
}

// state is what is read of the state of a stream.
type state struct {
	Messages uint64 `json:"messages"`
	LastSeq  uint64 `json:"last_seq"`
}

func stateOf(text json.RawMessage) (s state, err error) {
	return s, json.Unmarshal(text, &s)
}

func (a *app) restoreCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "restore BACKUP [ASSET]…",
		Short: "Bring a backup into a cluster that does not hold the data yet",
		Long: `Bring every asset of a backup, or those that are named, into the cluster of the daemon on this host. How it is kept there,
with how many replicas and where, is what the file says now; what is in it, with its consumers, is from the backup.

Nothing is overwritten: an asset must be declared and must never have held a message. All are looked at, and the whole
backup is read, before the first is restored. Applications should not be connected yet.

Exit status: 0 restored, 1 refused or failed, 64 usage, 69 no daemon answers, 77 no permission.`,
		Example: `  unibus restore /var/backups/unibus/unibus-20260102T030405.000Z`,
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := textOrJSON(output); err != nil {
				return err
			}
			return a.restore(cmd.Context(), args[0], args[1:], output)
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) restore(ctx context.Context, path string, names []string, output string) error {
	if err := backup.Verify(path); err != nil {
		return &exit{code: exitInvalid, err: err, try: "another backup; nothing was restored"}
	}
	m, err := backup.Open(path)
	if err != nil {
		return &exit{code: exitInvalid, err: err}
	}
	c, err := a.client()
	if err != nil {
		return err
	}
	c.Timeout = answerLimit
	live, err := c.Stored(ctx)
	if err != nil {
		return unanswered(err)
	}
	streams, err := restorable(m, live, names)
	if err != nil {
		return &exit{code: exitInvalid, err: err, try: "declare what is missing, and name what is to be restored; nothing was restored"}
	}
	restored := []api.Stored{}
	for _, s := range streams {
		r, err := a.restoreOne(ctx, c, path, s)
		if err != nil {
			return &exit{code: exitInvalid, err: fmt.Errorf("%s %s of account %s: %w", s.Kind, s.Name, s.Account, broken(ctx, err)), try: "the same again, with the names of those that are missing"}
		}
		restored = append(restored, r)
	}
	if output == "json" {
		return json.NewEncoder(a.stdout).Encode(map[string]any{"format_version": api.FormatVersion, "restored": restored})
	}
	return nil
}

// restorable are the streams of a backup that are to be restored. The error names every one that cannot be.
func restorable(m backup.Manifest, live []api.Stored, names []string) (streams []backup.Stream, err error) {
	for _, name := range names {
		if !slices.ContainsFunc(m.Streams, func(s backup.Stream) bool { return s.Name == name }) {
			err = errors.Join(err, fmt.Errorf("the backup has no %q", name))
		}
	}
	for _, s := range m.Streams {
		if len(names) > 0 && !slices.Contains(names, s.Name) {
			continue
		}
		what := fmt.Sprintf("%s %s of account %s", s.Kind, s.Name, s.Account)
		i := slices.IndexFunc(live, func(l api.Stored) bool { return l.Account == s.Account && l.Stream == s.Stream })
		switch {
		case i < 0:
			err = errors.Join(err, fmt.Errorf("the file does not declare %s", what))
		case live[i].Excluded != "":
			err = errors.Join(err, fmt.Errorf("%s: %s", what, live[i].Excluded))
		case live[i].LastSeq > 0:
			err = errors.Join(err, fmt.Errorf("%s has held %s already, and is not overwritten", what, count(int(live[i].LastSeq), "message")))
		}
		streams = append(streams, s)
	}
	return streams, err
}

func (a *app) restoreOne(ctx context.Context, c *api.Client, path string, s backup.Stream) (api.Stored, error) {
	f, err := os.Open(filepath.Join(path, s.File))
	if err != nil {
		return api.Stored{}, err
	}
	defer func() { _ = f.Close() }()
	p := a.progress(s.Name)
	r, err := c.Restore(ctx, s.Account, s.Stream, api.Head{Config: s.Config, State: s.State}, io.TeeReader(f, p))
	p.end()
	state, bad := stateOf(s.State)
	if err == nil {
		err = bad
	}
	if err == nil && r.LastSeq < state.LastSeq {
		err = fmt.Errorf("after the restore its last message is number %d, and that of the backup %d", r.LastSeq, state.LastSeq)
	}
	if err == nil {
		a.note("%s %s of account %s: %s\n", s.Kind, s.Name, s.Account, count(int(r.Messages), "message"))
	}
	return r, err
}

// progress is a line on a terminal that says how much has been moved. Elsewhere it says nothing.
type progress struct {
	to   io.Writer // nil where nobody watches
	what string
	n    int64
	next time.Time
}

func (a *app) progress(what string) *progress {
	p := &progress{what: what}
	if f, ok := a.stderr.(*os.File); ok && !a.quiet && isatty.IsTerminal(f.Fd()) {
		p.to = f
	}
	return p
}

// Write counts.
func (p *progress) Write(b []byte) (int, error) {
	p.n += int64(len(b))
	if now := time.Now(); p.to != nil && now.After(p.next) {
		p.next = now.Add(100 * time.Millisecond)
		fmt.Fprintf(p.to, "\r\x1b[K%s: %s", p.what, bytesText(p.n))
	}
	return len(b), nil
}

func (p *progress) end() {
	if p.to != nil {
		fmt.Fprint(p.to, "\r\x1b[K")
	}
}

// bytesText is a size for people.
func bytesText(n int64) string {
	for _, unit := range []struct {
		bytes int64
		name  string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.bytes {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.bytes), unit.name)
		}
	}
	return count(int(n), "byte")
}
