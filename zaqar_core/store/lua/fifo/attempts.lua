-- attempts: a receive attempt that is repeated under its ReceiveRequestAttemptId within LIMITS.RECEIVE_ATTEMPT_MS
-- returns the same messages under the same receipts, leased anew. It cannot be repeated once one of them was deleted,
-- was received again or has another timeout. If its leases have merely ended, the attempt is removed, and the call is
-- an ordinary receive.
-- An attempt: [ms, nonce, end of the leases, seq ...]. A timeout that was ended early and one that ran out look the
-- same once the attempt's own end has passed.
-- uses: buckets, expired, leases_key, LIMITS, NONCE, now_ms, queue, records_key, state_of, states_key
local NOT_RETRYABLE = { err = 'NOTRETRYABLE' }
-- returns its messages and when they were received; or NOT_RETRYABLE; or nil if the call is an ordinary receive
local function repeat_attempt(id, visibility)
  local all = buckets(':ra')
  for _, bucket in ipairs(all) do
    local packed = call('HGET', bucket, id)
    local attempt = packed and cmsgpack.unpack(packed)
    if attempt and now_ms - attempt[1] < LIMITS.RECEIVE_ATTEMPT_MS then
      local found, has_ended = {}, attempt[3] <= now_ms
      for i = 4, #attempt do
        local seq = string.format('%.0f', attempt[i])
        local record, state = call('HGET', records_key, seq), state_of(call('HGET', states_key, seq))
        if not record or expired(record, state) or state[NONCE] ~= attempt[2] then return NOT_RETRYABLE end
        local ends = tonumber(call('ZSCORE', leases_key, seq) or 0)
        if has_ended and ends > now_ms or not has_ended and ends ~= attempt[3] then return NOT_RETRYABLE end
        found[#found + 1] = { seq, record, state }
      end
      if has_ended then
        for _, one in ipairs(all) do call('HDEL', one, id) end
        return nil
      end
      if visibility == 0 then
        for _, one in ipairs(found) do call('ZREM', leases_key, one[1]) end
      end
      queue.in_flight = nil
      return found, attempt[1]
    end
  end
end
local function remember_attempt(id, taken, ends, since)
  local attempt = { since or now_ms, taken[1][3][NONCE], ends }
  for i, one in ipairs(taken) do attempt[3 + i] = tonumber(one[1]) end
  call('HSET', buckets(':ra')[1], id, cmsgpack.pack(attempt))
end
