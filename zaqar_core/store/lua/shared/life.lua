-- life: a message that would expire before its claim does lives until the claim's end and the grace.
local function lengthen(seq, record, state, claim_ms, grace_ms)
  local own = call('ZSCORE', Q .. ':e', seq)
  local ends = own and tonumber(own) or sent_of(record) + c.keep
  if ends < q.now + claim_ms then
    mark('e')
    call('ZADD', Q .. ':e', q.now + claim_ms + grace_ms, seq)
    soon(q.now + claim_ms + grace_ms)
    state[TTL] = (claim_ms + grace_ms) / 1000
  end
end
