# PowerShell completion for mixmatch
Register-ArgumentCompleter -Native -CommandName mixmatch -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | ForEach-Object { $_.ToString() })
    if ($wordToComplete -ne "" -and -not $wordToComplete.StartsWith("-")) {
        $words = $words[0..($words.Count - 2)]
    }
    $rest = @($words | Select-Object -Skip 1)
    & $words[0] @rest --generate-bash-completion | Where-Object { $_ -like "$wordToComplete*" } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_, $_, "ParameterValue", $_)
    }
}
