-- queue: the queue of this call, its settings and its time.
-- queue: the settings of the queue, remembered between calls; times in ms unless a name says otherwise. has: see
-- features. in_flight: never less than the number in flight, nil if unknown. records_key, states_key, order_key,
-- leases_key: the queue's keys :m, :s, :a and :l, see the key dictionary.
-- now_ms: the queue's time, which never goes back: it is max(server time + clock offset, last time). server_ms: the
-- server's time. due_ms: the field `due`. They are numbers: to format one costs half a command, and to compare texts as
-- much as a small table. now_text: now_ms as 13 digits.
-- load_queue: set the queue and its keys; returns NOQUEUE, or GROUPED (a plain function met a queue that has message
-- groups: the caller must use the fair one), or nil.
-- open_queue: read the fields gen, now and due; load_queue, and set the times. is_busy: plain queues as enter_queue.
-- enter_queue: the same for a function that has read gen, but not the others: these are remembered for REMEMBERED_MS,
-- unless something is due. Only functions of another release, or of another server between two fail-overs, can have
-- changed them meanwhile: what they made due earlier is noticed that much later. read_due: the present `due`.
-- open_any_queue: open_queue for functions that are the same with and without message groups; never returns GROUPED.
-- settings_changed: must be called by every function that writes what `queue` repeats (settings, has, off,
-- dlq_missing).
-- uses: base_key, KIND, LIMITS
local NOQUEUE = { err = 'NOQUEUE' }
local GROUPED_QUEUE = { err = 'GROUPED' }
local NEVER_DUE = 9999999999999
local records_key, states_key, order_key, leases_key, queue
local now_ms, server_ms, due_ms
-- The second in which the server's time was read last.
local second, second_ms
local REMEMBERED_MS = 1000
-- By base_key; valid as long as the queue's field `gen` is the same. The cache is cleared when it is full.
local MOST_CACHED, cached_queues, number_cached = 4096, {}, 0
local function read_queue(generation)
  local row = call('HMGET', base_key, 'inc', 'has', 'off', 'retention_seconds', 'ret0', 'visibility_timeout_seconds',
    'receive_wait_seconds', 'delay_seconds', 'max_message_bytes', 'max_post_bytes', 'dead_letter_queue',
    'max_receive_count', 'dead_letter_ttl_seconds', 'dlq_missing', 'content_based_deduplication', 'scope0', 'horizon',
    'managed_encryption', 'encrypt_messages')
  if number_cached >= MOST_CACHED then cached_queues, number_cached = {}, 0 end
  if not cached_queues[base_key] then number_cached = number_cached + 1 end
  local features, has = row[2] or '', {}
  for feature in string.gmatch(features, '.') do has[feature] = true end
  cached_queues[base_key] = {
    records_key = base_key .. ':m', states_key = base_key .. ':s', order_key = base_key .. ':a',
    leases_key = base_key .. ':l',
    generation = generation, incarnation = row[1], clock_offset_ms = tonumber(row[3] or 0),
    features = features, has = has, is_grouped = KIND == 'plain' and has.g,
    retention_ms = (row[4] or row[5]) * 1000, visibility_ms = (row[6] or LIMITS.DEFAULT_VISIBILITY_SECONDS) * 1000,
    wait_ms = (row[7] or 0) * 1000, delay_ms = (row[8] or 0) * 1000,
    max_message_bytes = tonumber(row[9] or nil), max_post_bytes = tonumber(row[10] or nil),
    dead_letter_queue = row[11] and row[11] ~= '' and row[12] and row[11], max_receive_count = tonumber(row[12] or 0),
    dead_letter_ttl_seconds = tonumber(row[13] or -1), redrive_from_ms = tonumber(row[14] or 0),
    content_based_deduplication = row[15] == '1', deduplicates_by_group = row[16] == 'messageGroup',
    horizon_ms = tonumber(row[17] or 0), encrypts = row[18] == '1' or row[19] == '1',
    read_ms = -math.huge, due_ms = NEVER_DUE, alive = {},
  }
  return cached_queues[base_key]
end
local function load_queue(generation)
  local known = cached_queues[base_key]
  if not known or known.generation ~= generation then
    if not generation then return NOQUEUE end
    known = read_queue(generation)
  end
  if known ~= queue then
    queue, records_key, states_key = known, known.records_key, known.states_key
    order_key, leases_key = known.order_key, known.leases_key
  end
  if known.is_grouped then return GROUPED_QUEUE end
end
local function read_due() return (call('HGET', base_key, 'due') or NEVER_DUE) + 0 end
local function enter_queue(generation, last, due)
  local wrong = load_queue(generation)
  if wrong == NOQUEUE then return wrong end
  local clock = call('TIME')
  if clock[1] ~= second then
    second, second_ms = clock[1], clock[1] * 1000
  end
  local micros = clock[2] + 0
  server_ms = second_ms + (micros - micros % 1000) / 1000
  now_ms = server_ms + queue.clock_offset_ms
  local age = server_ms - queue.read_ms
  if not last and (age < 0 or age >= REMEMBERED_MS or now_ms >= queue.due_ms) then
    last, due = call('HGET', base_key, 'now'), read_due()
  end
  if last then
    queue.last_ms, queue.due_ms, queue.read_ms = last + 0, (due or NEVER_DUE) + 0, server_ms
  end
  if now_ms < queue.last_ms then now_ms = queue.last_ms end
  queue.last_ms, due_ms = now_ms, queue.due_ms
  return wrong
end
local function open_queue(is_busy)
  if is_busy and KIND == 'plain' then return enter_queue(call('HGET', base_key, 'gen')) end
  local fields = call('HMGET', base_key, 'gen', 'now', 'due')
  return enter_queue(fields[1], fields[2], fields[3])
end
local function now_text() return string.format('%013d', now_ms) end
local function open_any_queue()
  local wrong = open_queue()
  if wrong ~= GROUPED_QUEUE then return wrong end
end
local function settings_changed()
  call('HSET', base_key, 'gen', queue.incarnation .. ':' .. call('HINCRBY', base_key, 'changes', 1))
end
local function reload_queue() queue = read_queue(call('HGET', base_key, 'gen')) end
