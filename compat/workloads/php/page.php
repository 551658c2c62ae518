<?php
echo "square ", ($_GET['n'] ?? 0) ** 2, "\n";
