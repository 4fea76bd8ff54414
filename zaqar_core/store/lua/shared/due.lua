-- due: what time alone has changed, in bounded steps.
-- promote: leases and delays that ended give their messages back, at most 100 of each.
-- expire_own, expire_heads: messages past their life are forgotten, at most `most`; the reply says how many were.
local function promote()
  for i = 1, string.find(q.has, 'd', 1, true) and 2 or 1 do
    local key = i == 1 and L or D
    local seqs = call('ZRANGEBYSCORE', key, '-inf', q.now, 'LIMIT', 0, 100)
    if #seqs > 0 then
      call('ZREM', key, unpack(seqs))
      call('ZREM', X, unpack(seqs))
      local pairs_of = {}
      for i = 1, #seqs do
        pairs_of[2 * i - 1] = seqs[i]
        pairs_of[2 * i] = seqs[i]
      end
      call('ZADD', R, unpack(pairs_of))
    end
  end
end
local function expire_own(most)
  local gone = 0
  if not string.find(q.has, 'e', 1, true) then return 0 end
  for pass = 1, 2 do
    local limit = pass == 1 and q.now or q.now - q.keep
    local seqs = call('ZRANGEBYSCORE', pass == 1 and E or B, '-inf', limit, 'LIMIT', 0, most)
    for _, seq in ipairs(seqs) do
      local record = call('HGET', M, seq)
      if record and pass == 2 and not expired(record, state_of(call('HGET', S, seq))) then
        call('ZREM', B, seq)
      elseif record then
        forget_known(seq, record, call('HGET', S, seq))
        gone = gone + 1
      else
        call('ZREM', pass == 1 and E or B, seq)
      end
    end
  end
  return gone
end
local function expire_heads(key, most)
  local gone, at = 0, 0
  while gone < most and at < 20 do
    local seq = call('ZRANGE', key, at, at)[1]
    if not seq then break end
    local record, packed = call('HGET', M, seq), call('HGET', S, seq)
    if not record then
      call('ZREM', key, seq)
    elseif expired(record, state_of(packed)) then
      forget_known(seq, record, packed)
      gone = gone + 1
    elseif has(flags_of(record), OWN_TTL + MOVED) then
      at = at + 1
    else
      break
    end
  end
  return gone
end
-- the next moment at which a message becomes receivable, ms from now; -1 if none is known
local function next_due()
  local soonest
  for _, key in ipairs({ L, D }) do
    local head = call('ZRANGE', key, 0, 0, 'WITHSCORES')
    local at = tonumber(head[2])
    if at and (not soonest or at < soonest) then soonest = at end
  end
  if not soonest then return -1 end
  return math.max(soonest - q.now, 0)
end
