# IIS Application Request Routing: a server farm with a health test. Run in an elevated PowerShell on the ARR server.
# An exporter runs on each node, with a health listener on port 9109.
#
#   fail_after 2 x every 20s                        40 s until the verdict falls
#   + interval 5s, once                             +5 s until the node gets no new requests
#
#   200        the server is healthy, at once
#   503        unhealthy at once, failed or drained: no new requests; those under way are finished
#   no answer  as 503; with fewer healthy servers than minServers, all are in
#
# ARR has no thresholds: one failed test takes a node out, one passed test brings it back. All damping is the exporter's.
#
# An http:// health test goes to the servers' HTTP port, requests to the HTTPS port: so the farm's HTTP port is the health
# listener, and the rewrite rule sends everything by HTTPS.

Import-Module WebAdministration

$psPath = 'MACHINE/WEBROOT/APPHOST'
$farm = 'idp'
$nodes = '10.0.0.11', '10.0.0.12', '10.0.0.13'
$filter = "webFarms/webFarm[@name='$farm']"

Add-WebConfigurationProperty -PSPath $psPath -Filter 'webFarms' -Name '.' -Value @{ name = $farm }

foreach ($node in $nodes) {
    Add-WebConfigurationProperty -PSPath $psPath -Filter $filter -Name '.' -Value @{ address = $node }
    $server = "$filter/server[@address='$node']/applicationRequestRouting"
    Set-WebConfigurationProperty -PSPath $psPath -Filter $server -Name 'httpPort' -Value 9109
    Set-WebConfigurationProperty -PSPath $psPath -Filter $server -Name 'httpsPort' -Value 443
}

$test = "$filter/applicationRequestRouting/healthCheck"
Set-WebConfigurationProperty -PSPath $psPath -Filter $test -Name 'url' -Value 'http://login.example.com:9109/testall'
Set-WebConfigurationProperty -PSPath $psPath -Filter $test -Name 'interval' -Value '00:00:05'
Set-WebConfigurationProperty -PSPath $psPath -Filter $test -Name 'timeout' -Value '00:00:02'
Set-WebConfigurationProperty -PSPath $psPath -Filter $test -Name 'statusCodeMatch' -Value '200'
Set-WebConfigurationProperty -PSPath $psPath -Filter $test -Name 'responseMatch' -Value 'OK'
# With fewer healthy servers than this, ARR disregards health and uses all: its panic threshold.
Set-WebConfigurationProperty -PSPath $psPath -Filter $test -Name 'minServers' -Value 1

$rules = 'system.webServer/rewrite/globalRules'
$rule = "$rules/rule[@name='idp']"
Add-WebConfigurationProperty -PSPath $psPath -Filter $rules -Name '.' -Value @{ name = 'idp'; patternSyntax = 'Wildcard'; stopProcessing = 'True' }
Set-WebConfigurationProperty -PSPath $psPath -Filter "$rule/match" -Name 'url' -Value '*'
Set-WebConfigurationProperty -PSPath $psPath -Filter "$rule/action" -Name 'type' -Value 'Rewrite'
Set-WebConfigurationProperty -PSPath $psPath -Filter "$rule/action" -Name 'url' -Value "https://$farm/{R:0}"
