param([string]$Url, [string]$TokenFile)
$api = New-Object -ComObject 'MOM.ScriptAPI'
$bag = $api.CreatePropertyBag()
$base = $Url.TrimEnd('/')
# What is not known is not well.
$alarms = 'AlarmsCritical'
$count = '?'
$verdict = 'SignInFails'
$what = 'It is not known whether people can sign in'
$why = ''
[Net.ServicePointManager]::SecurityProtocol = [Net.ServicePointManager]::SecurityProtocol -bor [Net.SecurityProtocolType]::Tls12
$headers = @{}
try {
  # The token is read at each run, so that it can be changed, and never written anywhere.
  if ($TokenFile) {
    $headers['Authorization'] = 'Bearer ' + (Get-Content -LiteralPath $TokenFile -TotalCount 1 -ErrorAction Stop).Trim()
  }
  # The most severe come first.
  $answer = Invoke-RestMethod -Uri ($base + '/api/v1/alarms?state=active&limit=20') -Headers $headers -TimeoutSec 20 -MaximumRedirection 0 -UseBasicParsing -ErrorAction Stop
  # A page that something on the way shows in the exporter's place is no list.
  if ($null -eq $answer.total) { throw 'the answer is no list of alarms' }
  $list = @($answer.alarms)
  $lines = @($list | ForEach-Object { '{0}: {1} on {2}: {3} {4}' -f $_.severity, $_.name, $_.target, $_.text, $_.runbook })
  $text = $lines -join [Environment]::NewLine
  if ($text.Length -gt 1800) { $text = $text.Substring(0, 1800) }
  if ([int]$answer.total -eq 0) { $alarms = 'NoAlarm' }
  elseif (@('critical', 'major') -contains $list[0].severity) { $alarms = 'AlarmsCritical' }
  else { $alarms = 'AlarmsWarning' }
  $count = [int]$answer.total
} catch {
  $text = 'The alarms cannot be asked for: ' + $_.Exception.Message
}
try {
  # A status of 400 or more is an exception.
  $r = Invoke-WebRequest -Uri ($base + '/testall') -Headers $headers -TimeoutSec 30 -MaximumRedirection 0 -UseBasicParsing -ErrorAction Stop
  if ([int]$r.StatusCode -eq 200 -and ([string]$r.Content).Trim() -ceq 'OK') {
    $verdict = 'SignInWorks'
    $what = 'People can sign in'
  } else {
    $why = 'status ' + [int]$r.StatusCode + ', but not the text OK'
  }
} catch {
  $why = $_.Exception.Message
  # The exporter's own answer; a refused token, or a proxy, does not speak of sign-in.
  if (([string]$_.ErrorDetails).Trim() -ceq 'FAIL') { $what = 'People cannot sign in' }
}
$bag.AddValue('Alarms', $alarms)
$bag.AddValue('Count', $count)
$bag.AddValue('Text', $text)
$bag.AddValue('Verdict', $verdict)
$bag.AddValue('What', $what)
$bag.AddValue('Why', $why)
$bag
