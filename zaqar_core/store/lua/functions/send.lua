-- send: put messages into the queue, in order. SQS entries that are too long are left out and reported.
-- keys:  the queue.
-- args:  mode "s" (SQS) or "z" (Zaqar: all or nothing; a delay only where the queue has one; always an own ttl), "S" or
--        "Z" where the records are encrypted; length of the whole post in bytes ("s": 0), or, where each message is a
--        post of its own, minus that of the longest ("s": -1); default of max_message_bytes or max_post_bytes; then per
--        message: record without sent time and ttl, and a text of three numbers: size bytes (-1: unchecked), delay s
--        (-1: the queue's), own ttl s (0: none, -1: the queue's retention now); fifo: deduplication key (16 bytes), 1
--        if it is of a given id, 0 if of the content
-- reply: seq of the last message if all were stored, one after the other (a table as a reply costs more than a
--        command); else per message its seq, or -limit when it is longer than the limit in bytes; fifo: {seq, random}
--        of the first message where it is a duplicate.
-- fails: NOQUEUE; GROUPED; ENCRYPTED (the records must be encrypted); PLAIN (they must not); POSTTOOLONG limit; fifo:
--        NODEDUP (SQS, no id given in a queue without content-based deduplication).
-- effect: stores.
-- cost:  O(k log n), one wake-up per message.
-- uses: add_to_outbox, base_key, context, DELAYED, enter_queue, flags_of, gid_of, GROUP, has_flag, has_subscribers
-- uses: KIND, lower_due, make_visible, mark_feature, now_ms, now_text, order_key, queue, record_post, records_key
-- uses: to_number, to_numbers, update_groups, wake_waiters, wake_worker, write_pairs
-- uses (fifo): dedup_key, first_sent, remember_first
local fields = call('HMGET', base_key, 'gen', 'seq', 'waits')
local wrong = enter_queue(fields[1])
if wrong then return wrong end
local mode = ARGV[1]
local sealed = mode == 'S' or mode == 'Z'
if sealed ~= queue.encrypts then return { err = sealed and 'PLAIN' or 'ENCRYPTED' } end
if sealed then mark_feature('k') end
local zaqar, stride = mode == 'z' or mode == 'Z', KIND == 'fifo' and 4 or 2
local first_seq, usual_delay = fields[2] + 0, queue.delay_ms / 1000
local limit = (zaqar and queue.max_post_bytes or not zaqar and queue.max_message_bytes) or to_number(ARGV[3])
if zaqar and math.abs(ARGV[2]) > limit then return { err = 'POSTTOOLONG ' .. limit } end
if KIND == 'fifo' and not queue.content_based_deduplication and not zaqar then
  for at = 7, #ARGV, stride do
    if ARGV[at] == '0' then return { err = 'NODEDUP' } end
  end
end
local sent, seq, reply, watched = now_text(), first_seq, nil, has_subscribers()
-- Several messages are written by one command of each kind; for one message the tables would cost more than they save.
local records, scores
if #ARGV > 3 + stride then
  records, scores = {}, {}
end
for at = 4, #ARGV, stride do
  local record, numbers = ARGV[at], to_numbers(ARGV[at + 1])
  local size, delay, ttl = numbers[1], numbers[2], numbers[3]
  local outcome, key
  if KIND == 'fifo' and (queue.content_based_deduplication or ARGV[at + 3] == '1') then
    key = dedup_key(ARGV[at + 2], gid_of(sent .. record))
    outcome = first_sent(key)
  end
  if size > limit and not zaqar then outcome = -limit end
  if not outcome then
    seq = seq + 1
    local own_delay = delay
    if delay < 0 or (zaqar and usual_delay == 0) then delay, own_delay = usual_delay, -1 end
    if ttl < 0 then ttl = queue.retention_ms / 1000 end
    if ttl > 0 then
      record = string.sub(record, 1, 9) .. string.format('%08d', ttl) .. string.sub(record, 10)
      mark_feature('e')
      call('ZADD', base_key .. ':e', now_ms + ttl * 1000, seq)
      lower_due(now_ms + ttl * 1000)
    end
    record = sent .. record
    if records then
      records[#records + 1] = seq
      records[#records + 1] = record
    else
      call('HSET', records_key, seq, record)
    end
    if watched then add_to_outbox(seq, own_delay, ttl > 0 and ttl or queue.retention_ms / 1000, record) end
    if delay > 0 and KIND ~= 'fifo' then
      mark_feature('d')
      if KIND == 'fair' and has_flag(flags_of(record), GROUP) then mark_feature('g') end
      call('ZADD', order_key, seq + DELAYED, seq)
      call('ZADD', base_key .. ':d', now_ms + delay * 1000, seq)
      lower_due(now_ms + delay * 1000)
    elseif KIND == 'plain' and scores then
      scores[#scores + 1] = seq
      scores[#scores + 1] = seq
    else
      make_visible(seq, record)
    end
    if key then remember_first(key, seq, string.sub(record, 14, 21)) end
    if reply then reply[#reply + 1] = seq end
  else
    if not reply then
      reply = {}
      for earlier = first_seq + 1, seq do reply[#reply + 1] = earlier end
    end
    reply[#reply + 1] = outcome
  end
end
if records then
  write_pairs('HSET', records_key, records)
  write_pairs('ZADD', order_key, scores)
end
call('HSET', base_key, 'seq', seq, 'now', sent)
if context.last_subscription then
  if seq > first_seq + 1 and ARGV[2] + 0 >= 0 then record_post(first_seq + 1, seq) end
  mark_feature('n')
  wake_worker()
end
local freed = update_groups()
if fields[3] == '1' then
  local new = seq - first_seq
  if KIND == 'fifo' then new = freed + (usual_delay > 0 and 1 or 0) end
  if new > 0 then wake_waiters(new) end
end
return reply or seq
