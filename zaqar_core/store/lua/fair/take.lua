-- take: as plain/take, for a queue with tenants: first the oldest of the messages without group and of quiet tenants,
-- then those of the noisy tenant with the fewest in flight. The function must end with update_groups.
-- uses: base_key, count_receive, GID, index_tenant, JUST_TAKEN, LAST_SENT, now_ms, oldest_in_group, order_key
-- uses: receive_limit, records_key, remove_or_redrive, seq_of_member, SILENT_MS, START, state_of, states_key, tenant
local function choose_next(passed)
  local free = call('ZRANGEBYSCORE', order_key, '-inf', '(1125899906842624', 'LIMIT', passed, 1)[1]
  local quiet = call('ZRANGE', base_key .. ':tq', 0, 0, 'WITHSCORES')
  if quiet[1] and not (free and tonumber(free) < tonumber(quiet[2])) then return quiet[1] end
  if free then return '', free end
  return call('ZRANGE', base_key .. ':tn', 0, 0)[1]
end
local function take_visible(n, nonce, claim)
  local most = receive_limit()
  for _, gid in ipairs(call('ZRANGE', base_key .. ':tn', 0, 9)) do
    -- only read: what tenant() returns is written back by update_groups
    local packed = call('HGET', base_key .. ':gc', gid)
    if packed and now_ms - cmsgpack.unpack(packed)[LAST_SENT] > SILENT_MS then index_tenant(gid) end
  end
  local taken, intents, budget, passed = {}, 0, n + 100, 0
  while #taken < n and budget > 0 do
    local gid, seq = choose_next(passed)
    if not gid then return taken, intents, false end
    budget = budget - 1
    local head = gid ~= '' and oldest_in_group(gid)
    if head then seq = seq_of_member(head) end
    local record = seq and call('HGET', records_key, seq)
    if record then
      local state = state_of(call('HGET', states_key, seq))
      local left = remove_or_redrive(seq, record, state, most)
      intents = intents + (left or 0)
      if not left then
        count_receive(state, record, nonce, claim)
        state[GID], state[START] = gid, now_ms
        taken[#taken + 1] = { seq, record, state }
        if head then
          call('ZREM', base_key .. ':gm', head)
          tenant(gid)[JUST_TAKEN] = tenant(gid)[JUST_TAKEN] + 1
        else
          passed = passed + 1
        end
      end
    elseif head or seq then
      call('ZREM', order_key, seq)
      if head then call('ZREM', base_key .. ':gm', head) end
    end
    if gid ~= '' then index_tenant(gid) end
  end
  return taken, intents, #taken < n
end
