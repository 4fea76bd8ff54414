-- queue: the queue of this call, its settings and its time.
-- queue: the settings of the queue, remembered between calls; times in ms unless a name says otherwise. features: see
-- features. in_flight: never less than the number in flight, nil if unknown. records_key, states_key, order_key,
-- leases_key: the queue's keys :m, :s, :a and :l, see the key dictionary.
-- load_queue: set these; returns NOQUEUE, or GROUPED (a plain function met a queue that has message groups: the caller
-- must use the fair one), or nil.
-- open_queue: load_queue, and set the queue's time and further fields of its hash (context.fields, from 4 on). The
-- queue's time never goes back: it is max(server time + clock offset, last time). context.now_text is now_ms as 13
-- digits: formatting numbers costs most here. context.real_text is the server's time.
-- open_any_queue: open_queue for functions that are the same with and without message groups; never returns GROUPED.
-- settings_changed: must be called by every function that writes what `queue` repeats (settings, has, off,
-- dlq_missing).
-- uses: base_key, context, KIND, LIMITS
local NOQUEUE = { err = 'NOQUEUE' }
local GROUPED_QUEUE = { err = 'GROUPED' }
local NEVER_DUE = '9999999999999'
local records_key, states_key, order_key, leases_key, queue
-- By base_key; valid as long as the queue's field `gen` is the same. The cache is cleared when it is full.
local MOST_CACHED, cached_queues, number_cached = 4096, {}, 0
local function read_queue(generation)
  local row = call('HMGET', base_key, 'inc', 'has', 'off', 'retention_seconds', 'ret0', 'visibility_timeout_seconds',
    'receive_wait_seconds', 'delay_seconds', 'max_message_bytes', 'max_post_bytes', 'dead_letter_queue',
    'max_receive_count', 'dead_letter_ttl_seconds', 'dlq_missing', 'content_based_deduplication', 'scope0', 'horizon',
    'managed_encryption', 'encrypt_messages')
  if number_cached >= MOST_CACHED then cached_queues, number_cached = {}, 0 end
  if not cached_queues[base_key] then number_cached = number_cached + 1 end
  cached_queues[base_key] = {
    records_key = base_key .. ':m', states_key = base_key .. ':s', order_key = base_key .. ':a',
    leases_key = base_key .. ':l',
    generation = generation, incarnation = row[1], features = row[2] or '', clock_offset_ms = tonumber(row[3] or 0),
    retention_ms = (row[4] or row[5]) * 1000, visibility_ms = (row[6] or LIMITS.DEFAULT_VISIBILITY_SECONDS) * 1000,
    wait_ms = (row[7] or 0) * 1000, delay_ms = (row[8] or 0) * 1000,
    max_message_bytes = row[9], max_post_bytes = row[10],
    dead_letter_queue = row[11] and row[11] ~= '' and row[12] and row[11], max_receive_count = tonumber(row[12] or 0),
    dead_letter_ttl_seconds = tonumber(row[13] or -1), redrive_from_ms = tonumber(row[14] or 0),
    content_based_deduplication = row[15] == '1', deduplicates_by_group = row[16] == 'messageGroup',
    horizon_ms = tonumber(row[17] or 0), encrypts = row[18] == '1' or row[19] == '1',
  }
  return cached_queues[base_key]
end
local function load_queue(generation)
  if not generation then return NOQUEUE end
  queue = cached_queues[base_key]
  if not queue or queue.generation ~= generation then queue = read_queue(generation) end
  records_key, states_key = queue.records_key, queue.states_key
  order_key, leases_key = queue.order_key, queue.leases_key
  if KIND == 'plain' and string.find(queue.features, 'g', 1, true) then return GROUPED_QUEUE end
end
local function open_queue(...)
  local clock = call('TIME')
  context.fields = call('HMGET', base_key, 'gen', 'now', 'due', ...)
  local wrong = load_queue(context.fields[1])
  if wrong == NOQUEUE then return wrong end
  local micros = clock[2]
  context.real_text = clock[1] .. (#micros == 6 and string.sub(micros, 1, 3) or string.sub('00000' .. micros, -6, -4))
  context.last_text, context.now_text = context.fields[2], context.real_text
  if queue.clock_offset_ms ~= 0 then
    context.now_text = string.format('%.0f', context.real_text + queue.clock_offset_ms)
  end
  if context.now_text < context.last_text then context.now_text = context.last_text end
  context.now_ms = tonumber(context.now_text)
  context.due_text = context.fields[3] or NEVER_DUE
  return wrong
end
local function open_any_queue(...)
  local wrong = open_queue(...)
  if wrong ~= GROUPED_QUEUE then return wrong end
end
local function settings_changed()
  call('HSET', base_key, 'gen', queue.incarnation .. ':' .. call('HINCRBY', base_key, 'changes', 1))
end
local function reload_queue() queue = read_queue(call('HGET', base_key, 'gen')) end
