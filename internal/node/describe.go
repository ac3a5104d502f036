package node

import (
	"context"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"

	"unibus/config/schema"
	"unibus/internal/api"
	"unibus/internal/bootstrap"
	"unibus/internal/hclconf"
	"unibus/internal/server"
)

// describe writes down the live assets of every account but those that nobody declares assets in.
func (d *daemon) describe(ctx context.Context) (api.Assets, error) {
	t, _ := d.runs()
	_, conns := d.current()
	all := api.Assets{Accounts: []api.AccountAssets{}}
	if conns == nil {
		return all, errNoServer
	}
	names := []string{}
	for _, a := range t.Accounts {
		if a.Name != schema.SystemAccount && a.Name != schema.OwnAccount {
			names = append(names, a.Name)
		}
	}
	if t.Account(schema.DefaultAccount) == nil {
		names = append(names, schema.DefaultAccount)
	}
	for _, name := range names {
		js, err := conns.jetStream(name)
		if err != nil {
			return all, err
		}
		a, err := Describe(ctx, js, name)
		if err != nil {
			return all, err
		}
		if a.HCL != "" {
			all.Accounts = append(all.Accounts, a)
		}
	}
	return all, nil
}

// Describe writes down the live assets of an account as a block of the file. Of an account without any the block is "".
func Describe(ctx context.Context, js jetstream.JetStream, account string) (api.AccountAssets, error) {
	contents, notes, err := bootstrap.Describe(ctx, js)
	if err != nil {
		return api.AccountAssets{}, fmt.Errorf("account %q: %w", account, err)
	}
	a := api.AccountAssets{Name: account, Notes: append([]string{}, notes...)}
	if len(contents.Buckets)+len(contents.Streams)+len(contents.ObjectStores) > 0 {
		a.HCL = string(hclconf.EncodeAccount(&schema.Account{Name: account, Contents: contents}, nil))
	}
	return a, nil
}

// Adopt writes down what nats.conf files say, as one file, with notes on what it does not say.
func Adopt(files []string, secretDir string) (text []byte, notes []string, err error) {
	in, err := server.Import(files, secretDir, hclconf.NodeName)
	if err != nil {
		return nil, nil, err
	}
	refer := func(s *schema.Secret) string {
		if name, is := in.Refer[s]; is && name == "" {
			return hclconf.Quote(s.Reveal())
		}
		return in.Refer[s]
	}
	return hclconf.Encode(in.Topology, refer, in.Secrets), in.Notes, nil
}
