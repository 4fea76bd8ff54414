-- receive_reply: write the states of taken messages, and return them all as one text, since a table as a reply costs
-- more than the rest of it: incarnation (16 hex digits), now ms, time of the receive ms (`since`; nil: now), retention
-- s, intents; then for each message its seq, the lengths of state and record, and both. Read by
-- core/stored_messages.py.
-- uses: context, queue, states_key
local function receive_reply(taken, intents, since)
  local reply = queue.incarnation
    .. struct.pack('>I8I8I4I2', context.now_ms, since or context.now_ms, queue.retention_ms / 1000, intents)
  for i = 1, #taken do
    local one = taken[i]
    local packed = cmsgpack.pack(one[3])
    call('HSET', states_key, one[1], packed)
    reply = reply .. struct.pack('>I8I4I4', tonumber(one[1]), #packed, #one[2]) .. packed .. one[2]
  end
  return reply
end
