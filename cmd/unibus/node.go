package main

import (
	"encoding/json"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"unibus/internal/api"
)

func (a *app) nodeCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Show, empty, remove and replace nodes",
		Long: `What has no place in the file: nodes that go. A node comes by itself, once it is in the file of all hosts and runs.

The daemon on this host does the work. Ctrl-C leaves it to the daemon; the same command shows it again, from the start.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return fmt.Errorf("which one? %s takes another word", cmd.CommandPath())
		},
	}
	cmd.AddCommand(a.nodeLsCommand(), a.nodeStepDownCommand(), a.nodeDrainCommand(), a.nodeUndrainCommand(),
		a.nodeRemoveCommand(), a.nodeReplaceCommand(), a.nodeRescueCommand())
	return cmd
}

func (a *app) nodeLsCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "ls",
		Short: "List the nodes of the file and of the meta group, and what they hold",
		Long: `List every node that is in the file, in the JetStream meta group, or in both, with the streams and consumers that list
it and those that it leads.

Exit status: 0 somebody answered, 64 usage, 69 nobody did, 77 no permission.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if output != "text" && output != "json" {
				return fmt.Errorf("-o is text or json, not %q", output)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			n, err := c.Nodes(cmd.Context())
			if err != nil {
				return unanswered(err)
			}
			if output == "json" {
				return json.NewEncoder(a.stdout).Encode(n)
			}
			a.writeNodes(n)
			return nil
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "text", "text or json")
	return cmd
}

func (a *app) writeNodes(n api.Nodes) {
	t := a.table("NODE", "FILE", "META GROUP", "STATE", "ASSETS", "LEADS")
	for _, m := range n.Nodes {
		member, state := "-", "does not answer"
		if m.Member {
			member = "member"
		}
		if n.Meta.Leader != nil && *n.Meta.Leader == m.Name {
			member = "leader"
		}
		switch {
		case m.Drained && m.Assets > 0:
			state = fmt.Sprintf("draining (%d on their way)", m.Moving)
		case m.Drained:
			state = "drained"
		case m.Answers:
			state = "up"
		}
		t.AppendRow(table.Row{m.Name, yes(m.Declared), member, state, m.Assets, m.Leads})
	}
	t.Render()
	for _, name := range n.Lost {
		fmt.Fprintf(a.stdout, "\n! no node that answers has a replica of %s\n", name)
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

func (a *app) nodeStepDownCommand() *cobra.Command {
	return a.actionCommand(api.NodeRequest{Action: api.NodeStepDown}, &cobra.Command{
		Use:   "step-down NODE",
		Short: "Give the leaderships of a node to others",
		Long: `Give the leadership of every stream and consumer that NODE leads, and that of the meta group, to nodes that are up to
date. Nothing keeps it from being elected again later.

Exit status: 0 it leads nothing, 1 it does not answer, 64 usage, 69 no daemon answers here, 75 something has no other
replica that is up to date: try later, 77 no permission.`,
	})
}

func (a *app) nodeDrainCommand() *cobra.Command {
	return a.actionCommand(api.NodeRequest{Action: api.NodeDrain}, &cobra.Command{
		Use:   "drain NODE",
		Short: "Move everything away from a node, and keep it empty",
		Long: `Move the leaderships and the replicas of NODE to other nodes, and wait until nothing lists it. Nothing new is placed on
it either, also after a restart, until "unibus node undrain NODE".

What no other node may hold, such as an asset with three replicas on three nodes, stays until another node is there.

Exit status: 0 nothing lists it, 1 it cannot be done, 64 usage, 69 no daemon answers here, 75 not finished within
--timeout, though it goes on, or it may be done later, 77 no permission.`,
	})
}

func (a *app) nodeUndrainCommand() *cobra.Command {
	return a.actionCommand(api.NodeRequest{Action: api.NodeUndrain}, &cobra.Command{
		Use:   "undrain NODE",
		Short: "Let a drained node hold assets again",
		Long: `Take back "unibus node drain NODE". What is on its way goes back; what has moved stays where it is.

Exit status: 0 done, 1 it cannot be done, 64 usage, 69 no daemon answers here, 75 try later, 77 no permission.`,
	})
}

func (a *app) nodeRemoveCommand() *cobra.Command {
	return a.confirmedCommand(api.NodeRequest{Action: api.NodeRemove}, cobra.ExactArgs(1), &cobra.Command{
		Use:   "remove NODE",
		Short: "Take a node that is gone out of the meta group",
		Long: `Take NODE out of the JetStream meta group, which counts it until then, gone or not. That is refused while NODE is in
the file, while it answers, while an asset lists it, and while too few others answer. Before: drain it, stop it, and take
its block out of the file of all hosts.

The name cannot come back for five minutes. The name is asked for on a terminal, elsewhere --yes=NODE says it.

Exit status: 0 removed, or it was no member, 1 it cannot be done, 64 usage, 69 no daemon answers here, 75 try later, when
the reason is gone, 77 no permission.`,
	})
}

func (a *app) nodeReplaceCommand() *cobra.Command {
	return a.confirmedCommand(api.NodeRequest{Action: api.NodeReplace}, cobra.ExactArgs(1), &cobra.Command{
		Use:   "replace NODE",
		Short: "Follow the replacement of a node that is lost",
		Long: `Follow the replacement of NODE by a host with an empty store.

Under the same name, nothing has to be done but to start it with the same file; this waits until it has everything.

Under another name, put that node into the file in place of NODE, ship the file to all hosts, and start the new one. This
makes the replicas of NODE anew on nodes that are up, waits until nothing lists NODE, and removes it. The name is asked for
on a terminal, elsewhere --yes=NODE says it.

Exit status: 0 replaced, 1 it cannot be done, 64 usage, 69 no daemon answers here, 75 not finished within --timeout, or try
later, 77 no permission.`,
	})
}

func (a *app) nodeRescueCommand() *cobra.Command {
	return a.confirmedCommand(api.NodeRequest{Action: api.NodeRescue}, cobra.NoArgs, &cobra.Command{
		Use:   "rescue",
		Short: "Make what is left writable when most nodes are gone for good",
		Long: `Give up every node that does not answer, when JetStream or an asset has lost its majority with them and they are gone
for good. Those who are left elect leaders by themselves and are writable again. What only the others held is lost.

This is the last resort. A lost host that is started again under its name, with its store or an empty one, is better: that
needs no rescue once a majority is back. A node that was given up and starts again with its old store can split the
cluster: erase the store first. Its name cannot come back for five minutes.

It says whom it would give up and asks for the name of the cluster, or of the supercluster; --yes=NAME says it where there
is no terminal.

Exit status: 0 writable again, 1 it did not work, 64 usage, 69 no daemon answers here, 75 it is not needed, or not possible
now, 77 no permission.`,
	})
}
