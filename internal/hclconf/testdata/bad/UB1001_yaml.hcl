cluster: # want@1 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`"
  name: c # want@3 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`"
  nodes: # want@3 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`"
    - n1 # want@5 "UB1001: here goes `name = value` or `type \"label\" \\{ … \\}`"
