-- change_visibility: leases end so many ms from now; 0 gives the message back at once.
-- keys:  Q.   args: incarnation, then per entry: seq, nonce, visibility ms, when it was received ms
-- reply: per entry OK, NOTINFLIGHT or TOOLONG (over 12 hours since the receive).
-- fails: NOQUEUE; STALE (the receipts belong to another incarnation).   cost: O(k log n).
-- uses: queue state forget due wake
if not open() then return NOQUEUE end
if ARGV[1] ~= q.inc then return { err = 'STALE' } end
promote()
local reply, sooner = {}, 0
for at = 2, #ARGV, 4 do
  local seq, visibility = ARGV[at], tonumber(ARGV[at + 2])
  local record, packed = call('HGET', M, seq), call('HGET', S, seq)
  local word = 'OK'
  if not record or not packed or expired(record, state_of(packed)) then
    word = 'NOTINFLIGHT'
  elseif q.now + visibility > tonumber(ARGV[at + 3]) + 43200000 then
    word = 'TOOLONG'
  elseif visibility == 0 then
    if call('ZREM', L, seq) == 1 then
      call('ZREM', X, seq)
      call('ZADD', R, seq, seq)
      sooner = sooner + 1
    end
  else
    local before = call('ZSCORE', L, seq)
    if not before then
      call('ZREM', R, seq)
      call('ZADD', X, seq, seq)
    end
    call('ZADD', L, q.now + visibility, seq)
    if before and tonumber(before) > q.now + visibility then sooner = sooner + 1 end
  end
  reply[#reply + 1] = word
end
if sooner > 0 then wake(sooner) end
remember_now()
return reply
