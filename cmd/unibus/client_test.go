package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// clientMain is the command client of the scripts: any program that uses the bus with what `unibus dev --exec` gives it.
// `client put KEY VALUE` and `client get KEY` use the bucket in BUCKET.
func clientMain() {
	if err := client(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "client:", err)
		os.Exit(1)
	}
}

func client(args []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var options []nats.Option
	if name := os.Getenv("NATS_CA"); name != "" {
		options = append(options, nats.RootCAs(name))
	}
	nc, err := nats.Connect(os.Getenv("NATS_URL"), options...)
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	kv, err := js.KeyValue(ctx, os.Getenv("BUCKET"))
	if err != nil {
		return err
	}
	switch {
	case len(args) == 3 && args[0] == "put":
		_, err := kv.Put(ctx, args[1], []byte(args[2]))
		return err
	case len(args) == 2 && args[0] == "get":
		entry, err := kv.Get(ctx, args[1])
		if err != nil {
			return err
		}
		_, err = fmt.Printf("%s\n", entry.Value())
		return err
	}
	return errors.New("usage: client put KEY VALUE | get KEY")
}
