-- attempts: a receive repeated under its ReceiveRequestAttemptId within LIMITS.RECEIVE_ATTEMPT_MS gives the same messages under the
-- same receipts, leased anew, as long as none of them was deleted, given another timeout or received again.
-- An attempt: [ms, nonce, end of the leases, seq ...].
local function repeated(id, visibility)
  for _, bucket in ipairs(buckets(':ra')) do
    local packed = call('HGET', bucket, id)
    local attempt = packed and cmsgpack.unpack(packed)
    if attempt and q.now - attempt[1] < LIMITS.RECEIVE_ATTEMPT_MS then
      local found = {}
      for i = 4, #attempt do
        local seq = string.format('%.0f', attempt[i])
        local record, state = call('HGET', M, seq), state_of(call('HGET', S, seq))
        local ends = tonumber(call('ZSCORE', L, seq) or 0)
        if not record or state[NONCE] ~= attempt[2] or ends ~= attempt[3] or ends <= q.now then return nil end
        found[#found + 1] = { seq, record, state }
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
