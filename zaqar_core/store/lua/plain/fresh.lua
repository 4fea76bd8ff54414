-- fresh: the shortest way of a receive or a claim, and the usual one: none of the messages was received before. It
-- writes what receive_reply and lease_taken write, without the tables that these need.
-- deliver_fresh: lease the first n visible messages until `ends`, or all if there are fewer. claim: its id or ''. None
-- of them may expire until alive_until. Returns the reply (layout: receive_reply) and the seqs. Where one of them is of
-- another kind, or none is visible, it returns nil and what it read of Q:a, which take_visible accepts.
-- check_due: process_due by the present `due`, where open_queue has a remembered one; must come before a function finds
-- nothing. Returns whether something was due.
-- uses: due_ms, flags_of, has_flag, LEASED, leases_key, lower_due, MOVED, now_ms, order_key, OWN_TTL, process_due
-- uses: queue, read_due, records_key, sent_of, states_key, write_pairs
local function check_due(most)
  due_ms = read_due()
  queue.due_ms = due_ms
  if now_ms < due_ms then return false end
  process_due(most)
  return true
end
-- The state (see state) as cmsgpack packs it. The receive count is 1, no claim has extended the expiry. All flags are
-- below 128, so that their byte is also their MessagePack.
local FRESH_STATE_BYTES, CLAIMED_STATE_BYTES = 31, 64
local function fresh_state(nonce, claim, now, flags)
  if claim == '' then return '\150\176' .. nonce .. '\1\207' .. now .. '\160\0' .. flags end
  return '\150\176' .. nonce .. '\1\207' .. now .. '\217\32' .. claim .. '\0' .. flags
end
-- when a message that was never received expires, ms; 0 if it has expired or came from another queue
local function fresh_end(record)
  local flags, sent = flags_of(record), sent_of(record)
  if has_flag(flags, MOVED) then return 0 end
  if has_flag(flags, OWN_TTL) then return sent + string.sub(record, 23, 30) * 1000 end
  return sent > queue.horizon_ms and sent + queue.retention_ms or 0
end
-- Whether a message does not expire until that time. One without an end of its own lives at least as long as another
-- one of the same flags that was sent earlier: queue.alive remembers one for each flags, with its seq and its end.
local function is_alive(number, record, flags, alive_until)
  local known = queue.alive[flags]
  if known and number >= known[1] and alive_until < known[2] then return true end
  local ends = fresh_end(record)
  if not has_flag(flags_of(record), OWN_TTL) then queue.alive[flags] = { number, ends } end
  return ends > alive_until
end
local function deliver_one(nonce, claim, ends, alive_until)
  local found = call('ZRANGE', order_key, 0, 0, 'WITHSCORES')
  local seq = found[1]
  if not seq or seq ~= found[2] then return nil, found end
  local record = call('HGET', records_key, seq)
  if not record then return nil, found end
  local number, flags = seq + 0, string.sub(record, 22, 22)
  if not is_alive(number, record, flags, alive_until) then return nil, found end
  local length = claim == '' and FRESH_STATE_BYTES or CLAIMED_STATE_BYTES
  local head = struct.pack('>I8I8I4I2I8I4I4', now_ms, now_ms, queue.retention_ms / 1000, 0, number, length, #record)
  local state = fresh_state(nonce, claim, string.sub(head, 1, 8), flags)
  call('HSET', states_key, seq, state)
  call('ZADD', order_key, number + LEASED, seq)
  call('ZADD', leases_key, ends, seq)
  queue.in_flight = queue.in_flight and queue.in_flight + 1
  if ends < due_ms then lower_due(ends) end
  return queue.incarnation .. head .. state .. record, claim ~= '' and { number }
end
local function deliver_several(n, nonce, claim, ends, alive_until)
  local found = call('ZRANGE', order_key, 0, n - 1, 'WITHSCORES')
  local seqs = {}
  for at = 1, #found, 2 do
    if found[at] ~= found[at + 1] then
      if found[at + 1] + 0 < LEASED then return nil, found end
      break
    end
    seqs[#seqs + 1] = found[at]
  end
  if not seqs[1] then return nil, found end
  local records = call('HMGET', records_key, unpack(seqs))
  local head = struct.pack('>I8I8I4I2', now_ms, now_ms, queue.retention_ms / 1000, 0)
  local now, texts, state, last_flags = string.sub(head, 1, 8), { queue.incarnation, head }, nil, nil
  local numbers, states, scores, leases = {}, {}, {}, {}
  for i = 1, #seqs do
    local seq, record = seqs[i], records[i]
    if not record then return nil, found end
    local flags, number, at = string.sub(record, 22, 22), seq + 0, 2 * i
    if not is_alive(number, record, flags, alive_until) then return nil, found end
    if flags ~= last_flags then
      state, last_flags = fresh_state(nonce, claim, now, flags), flags
    end
    numbers[i] = number
    states[at - 1], states[at] = seq, state
    scores[at - 1], scores[at] = number + LEASED, seq
    leases[at - 1], leases[at] = ends, seq
    texts[3 * i], texts[3 * i + 1], texts[3 * i + 2] = struct.pack('>I8I4I4', number, #state, #record), state, record
  end
  write_pairs('HSET', states_key, states)
  write_pairs('ZADD', order_key, scores)
  write_pairs('ZADD', leases_key, leases)
  queue.in_flight = queue.in_flight and queue.in_flight + #seqs
  if ends < due_ms then lower_due(ends) end
  return table.concat(texts), numbers
end
local function deliver_fresh(n, nonce, claim, ends, alive_until)
  if n == 1 then return deliver_one(nonce, claim, ends, alive_until) end
  return deliver_several(n, nonce, claim, ends, alive_until)
end
