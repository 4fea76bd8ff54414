-- lookup: read messages by id, leased and delayed ones too; changes nothing.
-- keys:  the queue.
-- args:  per message: seq, 8 random bytes, id (16 bytes)
-- reply: {now ms, retention s, per message {seq, record, state or "", end of its lease ms or 0, end of its delay ms or
--        0} or 0}.
-- fails: NOQUEUE; GROUPED.
-- effect: reads. It writes nothing.
-- cost:  O(k log n).
-- uses: delayed_until, find_message, is_over, leased_until, now_ms, open_queue, queue, state_of, states_key
local wrong = open_queue()
if wrong then return wrong end
local reply = { now_ms, queue.retention_ms / 1000 }
for at = 1, #ARGV, 3 do
  local seq, record = find_message(ARGV[at], ARGV[at + 1], ARGV[at + 2])
  local packed = seq and call('HGET', states_key, seq)
  if record and not is_over(seq, record, state_of(packed)) then
    reply[#reply + 1] = { seq, record, packed or '', leased_until(seq), delayed_until(seq, record) }
  else
    reply[#reply + 1] = 0
  end
end
return reply
