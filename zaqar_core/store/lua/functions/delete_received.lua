-- delete_received: delete messages by receipt, whatever holds them now. FIFO requires that the receipt's lease has not
-- ended.
-- keys:  the queue.
-- args:  incarnation, then per message: seq; fifo: nonce
-- reply: how many were requested; fifo: per message OK (deleted now or before) or EXPIRED.
-- fails: NOQUEUE; GROUPED; STALE (the receipts belong to another incarnation).
-- effect: frees.
-- cost:  O(k log n).
-- uses: base_key, expired, FLAGS, GID, has_feature, KIND, leases_key, load_queue, NONCE, now_ms, open_queue, order_key
-- uses: queue, records_key, remove_messages, START, state_of, states_key, TTL, update_groups, wake_for_new
local wrong
if KIND == 'plain' then wrong = load_queue(call('HGET', base_key, 'gen')) else wrong = open_queue() end
if wrong then return wrong end
if ARGV[1] ~= queue.incarnation then return { err = 'STALE' } end
if KIND == 'plain' and ARGV[2] and not has_feature('e') then -- no rare index has them: see removal
  call('HDEL', records_key, unpack(ARGV, 2))
  call('HDEL', states_key, unpack(ARGV, 2))
  call('ZREM', order_key, unpack(ARGV, 2))
  call('ZREM', leases_key, unpack(ARGV, 2))
  if has_feature('d') then call('ZREM', base_key .. ':d', unpack(ARGV, 2)) end
  return #ARGV - 1
end
local gone, words = {}, {}
for at = 2, #ARGV, KIND == 'fifo' and 2 or 1 do
  local seq = ARGV[at]
  local packed = call('HGET', states_key, seq)
  local state = state_of(packed)
  local word = 'OK'
  if KIND == 'fifo' and packed then
    local ends = tonumber(call('ZSCORE', leases_key, seq) or 0)
    local is_stale = state[NONCE] ~= ARGV[at + 1] or ends <= now_ms
    if is_stale and not expired(call('HGET', records_key, seq), state) then
      word = 'EXPIRED'
    end
  end
  if packed and word == 'OK' then
    gone[#gone + 1] = { seq, state[FLAGS], state[TTL] > 0, state[GID], state[START] }
  end
  words[#words + 1] = word
end
remove_messages(gone)
local freed = update_groups()
if KIND ~= 'fifo' then return #ARGV - 1 end
wake_for_new(freed)
return words
