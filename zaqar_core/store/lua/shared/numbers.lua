-- numbers
local MOST_NUMBERS = 4096
-- a text of a number that comes again and again
local numbers, number_of_numbers = {}, 0
local function number(text)
  local value = numbers[text]
  if not value then
    if number_of_numbers >= MOST_NUMBERS then numbers, number_of_numbers = {}, 0 end
    value, number_of_numbers = tonumber(text), number_of_numbers + 1
    numbers[text] = value
  end
  return value
end
