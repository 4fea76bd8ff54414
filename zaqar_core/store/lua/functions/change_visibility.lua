-- change_visibility: leases end so many ms from now; 0 gives the message back at once.
-- keys:  Q.   args: incarnation, then per entry: seq, nonce, visibility ms, when it was received ms
-- reply: per entry OK, NOTINFLIGHT (also while a Zaqar claim holds it: the receipt is of a receive before that),
--        TOOLONG (the lease would end later than the longest visibility timeout
--        after the receive); fifo: EXPIRED (its lease is not live).
-- fails: NOQUEUE; STALE (the receipts belong to another incarnation).   cost: O(k log n).
-- uses: again, back, c, CLAIM, expired, KIND, L, LIMITS, M, NONCE, open, q, remember_now, S, settle, state_of, tell
-- uses: tick
local wrong = open()
if wrong then return wrong end
if ARGV[1] ~= c.inc then return { err = 'STALE' } end
tick(100)
local reply, sooner = {}, 0
for at = 2, #ARGV, 4 do
  local seq, visibility = ARGV[at], tonumber(ARGV[at + 2])
  local record, packed = call('HGET', M, seq), call('HGET', S, seq)
  local state, before = state_of(packed), tonumber(call('ZSCORE', L, seq))
  local word = 'OK'
  if not record or not packed or expired(record, state) then
    word = 'NOTINFLIGHT'
  elseif KIND == 'fifo' and (not before or state[NONCE] ~= ARGV[at + 1]) then
    word = 'EXPIRED'
  elseif before and before > q.now and state[CLAIM] ~= '' then
    word = 'NOTINFLIGHT'
  elseif q.now + visibility > tonumber(ARGV[at + 3]) + LIMITS.VISIBILITY_MS then
    word = 'TOOLONG'
  elseif visibility > 0 then
    if state[CLAIM] ~= '' then -- a claim that ended since the receive
      state[CLAIM] = ''
      call('HSET', S, seq, cmsgpack.pack(state))
    end
    again(seq, q.now + visibility)
    if before and before > q.now + visibility then sooner = sooner + 1 end
  elseif before then
    call('ZREM', L, seq)
    back({ seq })
    sooner = sooner + 1
  end
  reply[#reply + 1] = word
end
settle()
tell(sooner)
remember_now()
return reply
