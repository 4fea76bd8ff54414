-- life: a message that would expire before its claim does lives until the claim's end and the grace.
local function lengthen(seq, record, state, claim_ms, grace_ms)
  local own = call('ZSCORE', E, seq)
  local ends = own and tonumber(own) or tonumber(string.sub(record, 1, 13)) + q.keep
  if ends < q.now + claim_ms then
    mark('e')
    call('ZADD', E, q.now + claim_ms + grace_ms, seq)
    state[TTL] = (claim_ms + grace_ms) / 1000
  end
end
