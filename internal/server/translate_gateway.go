package server

import "github.com/hashicorp/go-hclog"

// What is said about links to other clusters that do not come about or do not stay.
const (
	noCluster      = "a cluster does not answer"
	refusedGateway = "refused a gateway"
)

// linkRules are for lines about the links to other clusters as a whole.
var linkRules = []rule{
	// The first attempt is that of a cluster that is just starting.
	{re(`^Error connecting to \w+ gateway .* \(attempt 1\)`), hclog.Debug, "", nil},
	{re(`^Error connecting to \w+ gateway "([^"]*)" \(\S+\) at \S+ \(attempt [0-9]+\): dial tcp (\S+): (.*)$`), hclog.Warn, noCluster, []string{"cluster", "peer", "reason"}},
	{re(`^Error connecting to \w+ gateway "([^"]*)" .* \(attempt [0-9]+\): (.*)$`), hclog.Warn, noCluster, []string{"cluster", "reason"}},
	{re(`^Error getting IP for \w+ gateway "([^"]*)" \(\S+\): (.*)$`), hclog.Warn, noCluster, []string{"cluster", "reason"}},
}

// gatewayRules are for gateways, whoever has opened them.
var gatewayRules = []rule{
	{re(`^Error flushing`), hclog.Debug, "", nil},
	{re(`^authentication error`), hclog.Warn, refusedGateway, nil},
	// A node that waits until it is known tells there that it does.
	{re(`^Attempt to connect to gateway "[^"]*" using wrong port$`), hclog.Info, "a node of another cluster waits, or has another program on its gateway port", nil},
	{re(`^TLS gateway handshake error: (.*)$`), hclog.Warn, "cannot make a gateway", []string{"reason"}},
	{re(`^Rejecting connection from gateway "([^"]*)"$`), hclog.Warn, refusedGateway, []string{"cluster"}},
	{re(`^Gateway Error 'Authorization Violation'$`), hclog.Warn, "a cluster does not accept the gateway password, or waits until it is known", nil},
	{re(`^Gateway Error (.*)$`), hclog.Warn, "a cluster refused this node", []string{"reason"}},
	{re(`^Remote server has a duplicate name: "(.*)"$`), hclog.Error, sameName, []string{"name"}},
	{re(`^Gateway connection closed: (Stale Connection|Slow Consumer.*)$`), hclog.Warn, "lost a gateway", []string{"reason"}},
	{re(`^(Slow Consumer .*)$`), hclog.Warn, "a gateway is slow", []string{"reason"}},
}
