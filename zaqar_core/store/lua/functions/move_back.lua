-- move_back: return messages to their positions, because the destination does not exist. Then no message of
-- this queue becomes a dead letter for a minute; a move task fails.
-- keys:  the queue.
-- args:  token of the process that has the lease on the moves, task id ("": none), why the task fails, then seq of each
-- reply: how many intents there were.
-- fails: NOQUEUE; GROUPED; STALE (another process has the lease now).
-- effect: frees.
-- cost:  O(k log n).
-- uses: base_key, finish_task, flags_of, gid_of, has_flag, is_move_runner, lower_due, lower_swept, make_visible
-- uses: mark_feature, MOVED, now_ms, open_queue, queue, records_key, save_task, sent_of, settings_changed, STALE
-- uses: states_key, task_of, update_groups, wake_waiters
local wrong = open_queue()
if wrong then return wrong end
if not is_move_runner(ARGV[1]) then return STALE end
local returned = 0
for at = 4, #ARGV do
  local seq = ARGV[at]
  local packed = call('HGET', base_key .. ':mi', seq)
  if packed then
    local it = cmsgpack.unpack(packed)
    local record, flags, received = it[2], flags_of(it[2]), it[3] > 0
    returned = returned + 1
    call('HDEL', base_key .. ':mi', seq)
    call('ZREM', base_key .. ':mo', seq)
    call('HSET', records_key, seq, record)
    if received then
      call('HSET', states_key, seq, cmsgpack.pack({ '', it[3], it[4], '', it[7], flags, gid_of(record), 0 }))
    end
    if it[6] >= 0 then
      mark_feature('e')
      call('ZADD', base_key .. ':e', now_ms + it[6], seq)
      lower_due(now_ms + it[6])
    elseif has_flag(flags, MOVED) then
      call('ZADD', base_key .. ':b', sent_of(record), seq)
      lower_due(sent_of(record) + queue.retention_ms)
    end
    if it[9] ~= '' then call('HSET', base_key .. ':i', it[9], seq, 'of:' .. seq, it[9]) end
    lower_swept(seq)
    make_visible(seq, record, received)
  end
end
update_groups()
local task = ARGV[2] ~= '' and task_of(ARGV[2])
if task then
  task.taken = task.taken - returned
  finish_task(ARGV[2], task, 'FAILED', ARGV[3])
  save_task(ARGV[2], task)
elseif ARGV[2] == '' then
  call('HSET', base_key, 'dlq_missing', now_ms + 60000)
  settings_changed()
end
wake_waiters(returned)
return returned
