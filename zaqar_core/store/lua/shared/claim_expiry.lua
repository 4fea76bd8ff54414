-- claim_expiry: a message that would expire before its claim is kept until the claim's end plus the grace. This
-- includes an expiry in the same millisecond, since the message was posted before it was claimed.
-- extend_expiry: returns the message's state, or a changed copy of it: messages may share one table as their state.
-- uses: base_key, flags_of, has_flag, lower_due, mark_feature, MOVED, now_ms, OWN_TTL, queue, sent_of, TTL
local function extend_expiry(seq, record, state, claim_ms, grace_ms)
  local flags, ends = flags_of(record), nil
  if state[TTL] > 0 or has_flag(flags, MOVED) then ends = tonumber(call('ZSCORE', base_key .. ':e', seq) or nil) end
  if not ends then
    local ttl_ms = has_flag(flags, OWN_TTL) and string.sub(record, 23, 30) * 1000 or queue.retention_ms
    ends = sent_of(record) + ttl_ms
  end
  if ends <= now_ms + claim_ms then
    mark_feature('e')
    call('ZADD', base_key .. ':e', now_ms + claim_ms + grace_ms, seq)
    lower_due(now_ms + claim_ms + grace_ms)
    state = { unpack(state) }
    state[TTL] = (claim_ms + grace_ms) / 1000
  end
  return state
end
