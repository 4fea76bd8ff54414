-- send: put messages into the queue, in order; SQS entries that are too long are left out and say so.
-- keys:  Q.   args: mode "s" (SQS) or "z" (Zaqar: all or nothing, a delay only where the queue has one, an own ttl
--        always), "S" or "Z" where the records are encrypted, length of the whole post in bytes, default of max_message_bytes or max_post_bytes,
--        then per message: record without sent and ttl, size bytes (-1: unchecked), delay s (-1: the queue's),
--        own ttl s (0: none, -1: the queue's at this moment); fifo: deduplication key (16 bytes), 1 if it comes from a
--        given id, 0 if from the content
-- reply: per message its seq, or -limit when longer than the limit in bytes; fifo: {seq, random} of the first message
--        where it is sent again.
-- fails: NOQUEUE, ENCRYPTED (the records must be encrypted), PLAIN (they must not), POSTTOOLONG limit; fifo: NODEDUP (SQS, no id given in a queue without content-based deduplication).
-- cost:  O(k log n), one wake per message.
-- uses: A, c, DELAYED, flags_of, gid_of, GROUP, has, is_watched, KIND, M, mark, note, note_post, number, open, place
-- uses: Q, q, ring, settle, soon, wake
-- uses (fifo): dedup_key, first_of, remember
local wrong = open('seq')
if wrong then return wrong end
local mode = ARGV[1]
local sealed = mode == 'S' or mode == 'Z'
if sealed ~= c.encrypts then return { err = sealed and 'PLAIN' or 'ENCRYPTED' } end
if sealed then mark('k') end
local zaqar, stride = mode == 'z' or mode == 'Z', KIND == 'fifo' and 6 or 4
local seq, usual_delay = tonumber(q.f[4]), c.delay / 1000
local limit = number((zaqar and c.max_post or not zaqar and c.max_message) or ARGV[3])
if zaqar and tonumber(ARGV[2]) > limit then return { err = 'POSTTOOLONG ' .. limit } end
if KIND == 'fifo' and not c.by_content and not zaqar then
  for at = 9, #ARGV, stride do
    if ARGV[at] == '0' then return { err = 'NODEDUP' } end
  end
end
local sent, reply, new, watched = q.text, {}, 0, is_watched()
for at = 4, #ARGV, stride do
  local record, size = ARGV[at], number(ARGV[at + 1])
  local key, first
  if KIND == 'fifo' and (c.by_content or ARGV[at + 5] == '1') then
    key = dedup_key(ARGV[at + 4], gid_of(sent .. record))
    first = first_of(key)
  end
  if size > limit and not zaqar then
    reply[#reply + 1] = -limit
  elseif first then
    reply[#reply + 1] = first
  else
    seq = seq + 1
    local delay, ttl = number(ARGV[at + 2]), number(ARGV[at + 3])
    local asked = delay
    if delay < 0 or (zaqar and usual_delay == 0) then delay, asked = usual_delay, -1 end
    if ttl < 0 then ttl = c.keep / 1000 end
    if ttl > 0 then
      record = string.sub(record, 1, 9) .. string.format('%08d', ttl) .. string.sub(record, 10)
      mark('e')
      call('ZADD', Q .. ':e', q.now + ttl * 1000, seq)
      soon(q.now + ttl * 1000)
    end
    record = sent .. record
    call('HSET', M, seq, record)
    if watched then note(seq, asked, ttl > 0 and ttl or c.keep / 1000, record) end
    if delay > 0 and KIND ~= 'fifo' then
      mark('d')
      if KIND == 'fair' and has(flags_of(record), GROUP) then mark('g') end
      call('ZADD', A, seq + DELAYED, seq)
      call('ZADD', Q .. ':d', q.now + delay * 1000, seq)
      soon(q.now + delay * 1000)
    else
      place(seq, record)
    end
    if key then remember(key, seq, string.sub(record, 14, 21)) end
    new = new + 1
    reply[#reply + 1] = seq
  end
end
call('HSET', Q, 'seq', seq, 'now', q.now)
if q.last_subscription then
  local first = tonumber(q.f[4]) + 1
  if seq > first then note_post(first, seq) end
  mark('n')
  ring()
end
local freed = settle()
if KIND == 'fifo' then new = freed + (usual_delay > 0 and 1 or 0) end
if new > 0 then wake(new) end
return reply
