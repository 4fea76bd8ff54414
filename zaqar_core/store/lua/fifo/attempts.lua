-- attempts: a receive repeated under its ReceiveRequestAttemptId within LIMITS.RECEIVE_ATTEMPT_MS gives the same messages
-- under the same receipts, leased anew. It cannot be repeated once one of them is gone, was received again or has another timeout.
-- An attempt whose leases have merely ended is forgotten: the receive is then one of its own.
-- An attempt: [ms, nonce, end of the leases, seq ...]. A timeout that was ended early and one that ran out look the same
-- once the attempt's own end has passed.
-- uses: buckets, c, expired, L, LIMITS, M, NONCE, q, S, state_of
local NOT_RETRYABLE = { err = 'NOTRETRYABLE' }
-- repeated: its messages and when they were received; NOT_RETRYABLE; or nil, if this is a receive of its own
local function repeated(id, visibility)
  local all = buckets(':ra')
  for _, bucket in ipairs(all) do
    local packed = call('HGET', bucket, id)
    local attempt = packed and cmsgpack.unpack(packed)
    if attempt and q.now - attempt[1] < LIMITS.RECEIVE_ATTEMPT_MS then
      local found, has_ended = {}, attempt[3] <= q.now
      for i = 4, #attempt do
        local seq = string.format('%.0f', attempt[i])
        local record, state = call('HGET', M, seq), state_of(call('HGET', S, seq))
        if not record or expired(record, state) or state[NONCE] ~= attempt[2] then return NOT_RETRYABLE end
        local ends = tonumber(call('ZSCORE', L, seq) or 0)
        if has_ended and ends > q.now or not has_ended and ends ~= attempt[3] then return NOT_RETRYABLE end
        found[#found + 1] = { seq, record, state }
      end
      if has_ended then
        for _, one in ipairs(all) do call('HDEL', one, id) end
        return nil
      end
      if visibility == 0 then
        for _, one in ipairs(found) do call('ZREM', L, one[1]) end
      end
      c.flying = nil
      return found, attempt[1]
    end
  end
end
local function remember_attempt(id, taken, ends, since)
  local attempt = { since or q.now, taken[1][3][NONCE], ends }
  for i, one in ipairs(taken) do attempt[3 + i] = tonumber(one[1]) end
  call('HSET', buckets(':ra')[1], id, cmsgpack.pack(attempt))
end
