-- lookup: read messages by id, held and delayed ones too; nothing changes.
-- keys:  Q.   args: per message: seq, 8 random bytes, id (16 bytes)
-- reply: {now, keep s, per message {seq, record, state or "", held until ms or 0, delayed until ms or 0} or 0}
-- fails: NOQUEUE.   cost: O(k log n).
-- uses: c, delayed_until, find, held_until, is_over, open, q, S, state_of
local wrong = open()
if wrong then return wrong end
local reply = { q.now, c.keep / 1000 }
for at = 1, #ARGV, 3 do
  local seq, record = find(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  local packed = seq and call('HGET', S, seq)
  if record and not is_over(seq, record, state_of(packed)) then
    reply[#reply + 1] = { seq, record, packed or '', held_until(seq), delayed_until(seq, record) }
  else
    reply[#reply + 1] = 0
  end
end
return reply
