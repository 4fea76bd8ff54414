-- life: a message that would expire before its claim does lives until the claim's end and the grace. In the same
-- millisecond counts: it was posted before it was claimed.
-- uses: c, flags_of, has, mark, MOVED, OWN_TTL, q, Q, sent_of, soon, TTL
local function lengthen(seq, record, state, claim_ms, grace_ms)
  local flags, ends = flags_of(record), nil
  if state[TTL] > 0 or has(flags, MOVED) then ends = tonumber(call('ZSCORE', Q .. ':e', seq) or nil) end
  if not ends then ends = sent_of(record) + (has(flags, OWN_TTL) and string.sub(record, 23, 30) * 1000 or c.keep) end
  if ends <= q.now + claim_ms then
    mark('e')
    call('ZADD', Q .. ':e', q.now + claim_ms + grace_ms, seq)
    soon(q.now + claim_ms + grace_ms)
    state[TTL] = (claim_ms + grace_ms) / 1000
  end
end
