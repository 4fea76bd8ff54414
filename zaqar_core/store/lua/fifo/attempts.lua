-- attempts: a receive repeated under its ReceiveRequestAttemptId within five minutes gives the same messages under the
-- same receipts, leased anew, as long as none of them was deleted, given back or received again.
local ATTEMPT_MS = 300000
local function repeated(id, visibility)
  for _, bucket in ipairs(buckets(':ra')) do
    local packed = call('HGET', bucket, id)
    local attempt = packed and cmsgpack.unpack(packed)
    if attempt and q.now - attempt[1] < ATTEMPT_MS and visibility > 0 then
      local found = {}
      for i = 3, #attempt do
        local seq = string.format('%.0f', attempt[i])
        local record, state = call('HGET', M, seq), state_of(call('HGET', S, seq))
        local ends = tonumber(call('ZSCORE', L, seq) or 0)
        if not record or state[NONCE] ~= attempt[2] or ends <= q.now then return nil end
        found[#found + 1] = { seq, record, state }
      end
      return found
    end
  end
end
local function remember_attempt(id, taken)
  local attempt = { q.now, taken[1][3][NONCE] }
  for i, one in ipairs(taken) do attempt[2 + i] = tonumber(one[1]) end
  call('HSET', buckets(':ra')[1], id, cmsgpack.pack(attempt))
end
