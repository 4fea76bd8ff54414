-- send: put messages into the queue, in order. SQS entries that are too long are left out and reported.
-- keys:  the queue.
-- args:  mode "s" (SQS) or "z" (Zaqar: all or nothing; a delay only where the queue has one; always an own ttl), "S" or
--        "Z" where the records are encrypted; length of the whole post in bytes; default of max_message_bytes or
--        max_post_bytes; then per message: record without sent time and ttl, size bytes (-1: unchecked), delay s (-1:
--        the queue's), own ttl s (0: none, -1: the queue's retention now); fifo: deduplication key (16 bytes), 1 if it
--        is of a given id, 0 if of the content
-- reply: per message its seq, or -limit when it is longer than the limit in bytes; fifo: {seq, random} of the first
--        message where it is a duplicate.
-- fails: NOQUEUE; GROUPED; ENCRYPTED (the records must be encrypted); PLAIN (they must not); POSTTOOLONG limit; fifo:
--        NODEDUP (SQS, no id given in a queue without content-based deduplication).
-- effect: stores.
-- cost:  O(k log n), one wake-up per message.
-- uses: add_to_outbox, base_key, context, DELAYED, flags_of, gid_of, GROUP, has_flag, has_subscribers, KIND, lower_due
-- uses: make_visible, mark_feature, open_queue, order_key, queue, record_post, records_key, to_number, update_groups
-- uses: wake_waiters, wake_worker
-- uses (fifo): dedup_key, first_sent, remember_first
local wrong = open_queue('seq')
if wrong then return wrong end
local mode = ARGV[1]
local sealed = mode == 'S' or mode == 'Z'
if sealed ~= queue.encrypts then return { err = sealed and 'PLAIN' or 'ENCRYPTED' } end
if sealed then mark_feature('k') end
local zaqar, stride = mode == 'z' or mode == 'Z', KIND == 'fifo' and 6 or 4
local seq, usual_delay = tonumber(context.fields[4]), queue.delay_ms / 1000
local limit = to_number((zaqar and queue.max_post_bytes or not zaqar and queue.max_message_bytes) or ARGV[3])
if zaqar and tonumber(ARGV[2]) > limit then return { err = 'POSTTOOLONG ' .. limit } end
if KIND == 'fifo' and not queue.content_based_deduplication and not zaqar then
  for at = 9, #ARGV, stride do
    if ARGV[at] == '0' then return { err = 'NODEDUP' } end
  end
end
local sent, reply, new, watched = context.now_text, {}, 0, has_subscribers()
for at = 4, #ARGV, stride do
  local record, size = ARGV[at], to_number(ARGV[at + 1])
  local key, first
  if KIND == 'fifo' and (queue.content_based_deduplication or ARGV[at + 5] == '1') then
    key = dedup_key(ARGV[at + 4], gid_of(sent .. record))
    first = first_sent(key)
  end
  if size > limit and not zaqar then
    reply[#reply + 1] = -limit
  elseif first then
    reply[#reply + 1] = first
  else
    seq = seq + 1
    local delay, ttl = to_number(ARGV[at + 2]), to_number(ARGV[at + 3])
    local own_delay = delay
    if delay < 0 or (zaqar and usual_delay == 0) then delay, own_delay = usual_delay, -1 end
    if ttl < 0 then ttl = queue.retention_ms / 1000 end
    if ttl > 0 then
      record = string.sub(record, 1, 9) .. string.format('%08d', ttl) .. string.sub(record, 10)
      mark_feature('e')
      call('ZADD', base_key .. ':e', context.now_ms + ttl * 1000, seq)
      lower_due(context.now_ms + ttl * 1000)
    end
    record = sent .. record
    call('HSET', records_key, seq, record)
    if watched then add_to_outbox(seq, own_delay, ttl > 0 and ttl or queue.retention_ms / 1000, record) end
    if delay > 0 and KIND ~= 'fifo' then
      mark_feature('d')
      if KIND == 'fair' and has_flag(flags_of(record), GROUP) then mark_feature('g') end
      call('ZADD', order_key, seq + DELAYED, seq)
      call('ZADD', base_key .. ':d', context.now_ms + delay * 1000, seq)
      lower_due(context.now_ms + delay * 1000)
    else
      make_visible(seq, record)
    end
    if key then remember_first(key, seq, string.sub(record, 14, 21)) end
    new = new + 1
    reply[#reply + 1] = seq
  end
end
call('HSET', base_key, 'seq', seq, 'now', context.now_ms)
if context.last_subscription then
  local first = tonumber(context.fields[4]) + 1
  if seq > first then record_post(first, seq) end
  mark_feature('n')
  wake_worker()
end
local freed = update_groups()
if KIND == 'fifo' then new = freed + (usual_delay > 0 and 1 or 0) end
if new > 0 then wake_waiters(new) end
return reply
