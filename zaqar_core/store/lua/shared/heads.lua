-- heads: messages past the retention at the head of each band are forgotten, `most` at most in all; how many were.
-- Looks past at most 20 that have an end of their own.
-- uses: A, DELAYED, doomed, expired, flags_of, forget, GROUPED, has, LEASED, M, MOVED, OWN_TTL, S, state_of, TTL
local function expire_heads(most)
  local gone = {}
  for _, band in ipairs({ 0, LEASED, DELAYED, GROUPED }) do
    local at = 0
    while #gone < most and at < 20 do
      local upto = string.format('(%.0f', band + LEASED)
      local seqs = call('ZRANGEBYSCORE', A, string.format('%.0f', band), upto, 'LIMIT', at, most - #gone)
      if #seqs == 0 then break end
      local found = {}
      for _, seq in ipairs(seqs) do
        local record, state = call('HGET', M, seq), state_of(call('HGET', S, seq))
        if record and expired(record, state) then
          found[#found + 1] = doomed(seq, record, state)
        elseif record and (has(flags_of(record), OWN_TTL + MOVED) or state[TTL] > 0) and at < 20 then
          at = at + 1
        else
          at = 20
          break
        end
      end
      for _, one in ipairs(found) do gone[#gone + 1] = one end
      forget(found)
    end
  end
  return #gone
end
