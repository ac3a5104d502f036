package server

import natsserver "github.com/nats-io/nats-server/v2/server"

// Version is the version of nats-server that runs in this process.
const Version = natsserver.VERSION
