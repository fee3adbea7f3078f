"""The Discord face: thin cogs that turn events into plain values and replies into messages. Nobody below knows Discord."""
