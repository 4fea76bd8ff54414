-- receive_reply: write the states of taken messages, and return them all as one text, since a table as a reply costs
-- more than the rest of it: incarnation (16 hex digits), now ms, time of the receive ms (`since`; nil: now), retention
-- s, intents; then for each message its seq, the lengths of state and record, and both. Read by
-- core/stored_messages.py.
-- uses: now_ms, queue, states_key, write_pairs
local function receive_reply(taken, intents, since)
  local head = queue.incarnation
    .. struct.pack('>I8I8I4I2', now_ms, since or now_ms, queue.retention_ms / 1000, intents)
  local one = taken[1]
  local packed = cmsgpack.pack(one[3])
  if not taken[2] then -- without the tables that several messages need
    call('HSET', states_key, one[1], packed)
    return head .. struct.pack('>I8I4I4', one[1], #packed, #one[2]) .. packed .. one[2]
  end
  local texts, states, last = { head }, {}, one[3]
  for i = 1, #taken do
    one = taken[i]
    if one[3] ~= last then
      last = one[3]
      packed = cmsgpack.pack(last)
    end
    states[2 * i - 1], states[2 * i] = one[1], packed
    texts[3 * i - 1], texts[3 * i], texts[3 * i + 1] = struct.pack('>I8I4I4', one[1], #packed, #one[2]), packed, one[2]
  end
  write_pairs('HSET', states_key, states)
  return table.concat(texts)
end
