// Command look opens pages in one Chromium, and prints what each shows to a reader whenever that changes, as lines of JSON.
// It is for tests of other modules, which need no browser driver of their own, and ends when its input does.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/chromedp/chromedp"
)

// every is how often a page is looked at.
const every = 200 * time.Millisecond

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	if err := look(ctx, os.Args[1:]); err != nil && ctx.Err() == nil {
		fmt.Fprintln(os.Stderr, "look:", err)
		os.Exit(1)
	}
}

// look watches the pages until ctx ends.
func look(ctx context.Context, urls []string) error {
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox, chromedp.WindowSize(1180, 900))
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	defer stop()
	ctx, end := chromedp.NewContext(ctx)
	defer end()
	if err := chromedp.Run(ctx); err != nil { // the browser starts, and lasts as long as this tab
		return err
	}
	tabs, shown := map[string]context.Context{}, map[string]string{}
	for _, url := range urls {
		tab, closeTab := chromedp.NewContext(ctx)
		defer closeTab()
		if err := chromedp.Run(tab, chromedp.Navigate(url)); err != nil {
			return err
		}
		tabs[url] = tab
	}
	for {
		for _, url := range urls {
			var text string
			if err := chromedp.Run(tabs[url], chromedp.Evaluate("document.body.innerText", &text)); err != nil {
				return err
			}
			if text != shown[url] {
				shown[url] = text
				if err := json.NewEncoder(os.Stdout).Encode(map[string]string{"url": url, "text": text}); err != nil {
					return err
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}
