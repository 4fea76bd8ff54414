-- answer: what a receive or a claim took is written down, and given back as one text, since a table of a reply costs more
-- than the rest of it: incarnation (16 hex digits), now ms, time of the receive ms (`since`; if nil, now), retention s,
-- intents; then for each message its seq, the lengths of state and record, and both. Read by reading.py.
-- uses: c, q, S
local function answer(taken, intents, since)
  local reply = c.inc .. struct.pack('>I8I8I4I2', q.now, since or q.now, c.keep / 1000, intents)
  for i = 1, #taken do
    local one = taken[i]
    local packed = cmsgpack.pack(one[3])
    call('HSET', S, one[1], packed)
    reply = reply .. struct.pack('>I8I4I4', tonumber(one[1]), #packed, #one[2]) .. packed .. one[2]
  end
  return reply
end
