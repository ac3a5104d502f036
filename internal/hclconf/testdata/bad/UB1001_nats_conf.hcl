server_name: n1 # want@1 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`" try "`name = value`; `unibus import` makes such a file of nats.conf files"
listen: "0.0.0.0:4222" # want@1 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`"
jetstream {
  store_dir: "/data" # want@3 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`"
}
