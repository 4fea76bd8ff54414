-- take: up to n receivable messages of a queue with tenants: the oldest of those without a group and of quiet tenants,
-- then those of the noisy tenant with the fewest in flight. Otherwise as plain/take. The script ends with settle.
-- uses: A, GID, index, LAST, LIFTED, M, most_receives, oldest, pass_over, q, Q, receive_again, S, seq_in, SILENT_MS
-- uses: START, state_of, tenant
local function choose(passed)
  local free = call('ZRANGEBYSCORE', A, '-inf', '(1125899906842624', 'LIMIT', passed, 1)[1]
  local quiet = call('ZRANGE', Q .. ':tq', 0, 0, 'WITHSCORES')
  if quiet[1] and not (free and tonumber(free) < tonumber(quiet[2])) then return quiet[1] end
  if free then return '', free end
  return call('ZRANGE', Q .. ':tn', 0, 0)[1]
end
local function take(n, nonce, claim)
  local most = most_receives()
  for _, gid in ipairs(call('ZRANGE', Q .. ':tn', 0, 9)) do
    -- only looked at: what tenant() gives is written back at the end
    local packed = call('HGET', Q .. ':gc', gid)
    if packed and q.now - cmsgpack.unpack(packed)[LAST] > SILENT_MS then index(gid) end
  end
  local taken, intents, budget, passed = {}, 0, n + 100, 0
  while #taken < n and budget > 0 do
    local gid, seq = choose(passed)
    if not gid then return taken, intents, false end
    budget = budget - 1
    local head = gid ~= '' and oldest(gid)
    if head then seq = seq_in(head) end
    local record = seq and call('HGET', M, seq)
    if record then
      local state = state_of(call('HGET', S, seq))
      local left = pass_over(seq, record, state, most)
      intents = intents + (left or 0)
      if not left then
        receive_again(state, record, nonce, claim)
        state[GID], state[START] = gid, q.now
        taken[#taken + 1] = { seq, record, state }
        if head then
          call('ZREM', Q .. ':gm', head)
          tenant(gid)[LIFTED] = tenant(gid)[LIFTED] + 1
        else
          passed = passed + 1
        end
      end
    elseif head or seq then
      call('ZREM', A, seq)
      if head then call('ZREM', Q .. ':gm', head) end
    end
    if gid ~= '' then index(gid) end
  end
  return taken, intents, #taken < n
end
