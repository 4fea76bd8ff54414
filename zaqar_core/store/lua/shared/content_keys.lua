-- content_keys: the keys of everything that a queue holds beside its settings, waiters, unfinished moves and
-- subscriptions.
-- uses: base_key, leases_key, order_key, records_key, states_key
local function content_keys()
  local found = { records_key, states_key, order_key, leases_key }
  for part in string.gmatch('d e b i c cx gm g gd tq tn gc dd:0 dd:1 dd:2 dd:3 ra:0 ra:1 ra:2 ra:3', '%S+') do
    found[#found + 1] = base_key .. ':' .. part
  end
  return found
end
