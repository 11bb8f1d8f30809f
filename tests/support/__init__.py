"""Parts that tests are built from: real daemons, real shells, servers that misbehave."""
