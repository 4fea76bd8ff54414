-- change_visibility: let leases end so many ms from now; 0 makes the message visible at once.
-- keys:  the queue.
-- args:  incarnation, then per entry: seq, nonce, visibility timeout ms, time of the receive ms
-- reply: per entry OK; NOTINFLIGHT (also while a Zaqar claim holds the message: the receipt is of an earlier receive);
--        TOOLONG (the lease would end later than the longest visibility timeout after the receive); fifo: EXPIRED (the
--        receipt's lease has ended).
-- fails: NOQUEUE; GROUPED; STALE (the receipts belong to another incarnation).
-- effect: frees.
-- cost:  O(k log n).
-- uses: CLAIM, expired, KIND, leases_key, LIMITS, NONCE, now_ms, open_queue, process_due, queue, records_key, release
-- uses: save_clock, set_lease, state_of, states_key, update_groups, wake_for_new
local wrong = open_queue()
if wrong then return wrong end
if ARGV[1] ~= queue.incarnation then return { err = 'STALE' } end
process_due(100)
local reply, sooner = {}, 0
for at = 2, #ARGV, 4 do
  local seq, visibility = ARGV[at], tonumber(ARGV[at + 2])
  local record, packed = call('HGET', records_key, seq), call('HGET', states_key, seq)
  local state, before = state_of(packed), tonumber(call('ZSCORE', leases_key, seq))
  local word = 'OK'
  if not record or not packed or expired(record, state) then
    word = 'NOTINFLIGHT'
  elseif KIND == 'fifo' and (not before or state[NONCE] ~= ARGV[at + 1]) then
    word = 'EXPIRED'
  elseif before and before > now_ms and state[CLAIM] ~= '' then
    word = 'NOTINFLIGHT'
  elseif now_ms + visibility > tonumber(ARGV[at + 3]) + LIMITS.VISIBILITY_MS then
    word = 'TOOLONG'
  elseif visibility > 0 then
    if state[CLAIM] ~= '' then -- a claim that ended since the receive
      state[CLAIM] = ''
      call('HSET', states_key, seq, cmsgpack.pack(state))
    end
    set_lease(seq, now_ms + visibility)
    if before and before > now_ms + visibility then sooner = sooner + 1 end
  elseif before then
    call('ZREM', leases_key, seq)
    release({ seq })
    sooner = sooner + 1
  end
  reply[#reply + 1] = word
end
update_groups()
wake_for_new(sooner)
save_clock()
return reply
